-- name: keep_published
INSERT INTO compliance_event SELECT * FROM "{{schema}}".compliance_event WHERE position <= {{through}}

-- name: keep_takeovers
INSERT INTO policy_upgrade SELECT * FROM "{{schema}}".policy_upgrade

-- name: starts
-- The instants that part the events into so many shares ($1) of about the same size. Events of one instant stay together.
SELECT percentile_disc(ARRAY(SELECT n / $1::float8 FROM generate_series(1, $1::integer - 1) n))
    WITHIN GROUP (ORDER BY instant)
FROM derived_event

-- name: sizes
-- How many events each share has; $1: the instants that part them.
SELECT width_bucket(instant, $1::timestamptz[]) AS share, count(*) AS events FROM derived_event GROUP BY share

-- name: number
-- Numbers the events of the share $2, parted by the instants $1, in the one order of all steps, after the position $3.
INSERT INTO compliance_event (
    position, event_id, type, partner_id, products, effective_at, recorded_at, fact_position, about, data)
SELECT $3::bigint + row_number() OVER (ORDER BY instant, position, partner_id, ordinal), event_id, type,
    partner_id, string_to_array(products, ','), effective_at, instant, position, about, data
FROM derived_event WHERE width_bucket(instant, $1::timestamptz[]) = $2
