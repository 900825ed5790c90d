-- Which partners a fact concerns: said here and nowhere else. See routing.py for the words. `log`: the fact log, or one
-- with the same columns.

-- name: portal_changes
-- Declarations and corrections of portal changes and their voids, which concern every partner. Their streams are
-- neighbours in the index.
SELECT NULL::text COLLATE "C" AS target_id, e.notification_id, e.append_position, e.topic, e.state
FROM {log} e
WHERE e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.'
    AND e.topic IN ({declared})
    AND e.notification_id <= (SELECT through.position FROM through)

-- name: policy
-- Revisions of the policy and their voids: likewise. A revision changes few partners, and each needs all of them.
SELECT NULL::text COLLATE "C" AS target_id, e.notification_id, e.append_position, e.topic, e.state
FROM {log} e
WHERE e.originator_id >= 'policy-' AND e.originator_id < 'policy.' AND e.topic IN ({revised})
    AND e.notification_id <= (SELECT through.position FROM through)

-- name: policy_known
-- The last fact about the policy up to `known.position`: the policy known there follows from it and those before it.
SELECT e.fact_id FROM certification.stored_events e
WHERE e.originator_id >= 'policy-' AND e.originator_id < 'policy.' AND e.notification_id <= known.position
ORDER BY e.notification_id DESC LIMIT 1

-- name: policy_facts
-- The facts about the policy up to the fact $1.
WITH through AS (SELECT l.notification_id AS position FROM certification.stored_events l WHERE l.fact_id = $1)
{policy} ORDER BY notification_id

-- name: revisions
WITH through AS (SELECT $1::bigint AS position) {policy} ORDER BY notification_id

-- name: declarations
WITH through AS (SELECT $1::bigint AS position) {portal_changes} ORDER BY notification_id

-- name: merged_into
-- Behind a partner `e`: those that it was ever merged into.
CROSS JOIN LATERAL (
        SELECT k.into_partner_id FROM {log} k
        WHERE k.partner_id = e.partner_id AND k.consultant_id IS NULL AND k.into_partner_id IS NOT NULL
        {by_id}
    ) m

-- name: partner_routes
-- Common table expressions behind `target (partner_id)` and `through (position)`: the facts routed to each target
-- partner, once per partner. Portal changes and the policy come once, with `target_id` null. `by_id`: OFFSET 0, so that
-- PostgreSQL looks up each id, however many it expects; empty where the targets are all partners. `read_once`: the facts
-- of people are kept for both who reads them; for all partners they would fill the disk. `apart`: of these people only
-- the links to a target are routed.
feeder (target_id, partner_id) AS (
    SELECT a.partner_id, a.partner_id FROM target a
    UNION
    SELECT f.target_id, m.partner_id
    FROM feeder f JOIN {log} m ON m.into_partner_id = f.partner_id
),
person AS MATERIALIZED (
    SELECT DISTINCT f.target_id, l.consultant_id
    FROM feeder f CROSS JOIN LATERAL (
        SELECT k.consultant_id FROM {log} k
        WHERE k.partner_id = f.partner_id AND k.topic = {linked}
            AND k.notification_id <= (SELECT through.position FROM through)
        {by_id}
    ) l
),
of_person AS {read_once} (
    SELECT p.target_id, e.*
    FROM person p CROSS JOIN LATERAL (
        SELECT l.notification_id, l.append_position, l.topic, l.state, l.partner_id FROM {log} l
        WHERE l.consultant_id = p.consultant_id AND l.topic IN ({of_people})
            AND l.notification_id <= (SELECT through.position FROM through)
        {by_id}
    ) e
    WHERE p.consultant_id <> ALL ({apart})
),
employer (target_id, partner_id) AS (
    (SELECT a.partner_id, a.partner_id FROM target a
     UNION
     SELECT p.target_id, p.partner_id FROM of_person p WHERE p.topic = {linked})
    UNION
    SELECT e.target_id, m.into_partner_id
    FROM employer e {merged_into}
),
routed AS (
    SELECT a.partner_id AS target_id, e.notification_id, e.append_position, e.topic, e.state
    FROM target a JOIN {log} e ON e.partner_id = a.partner_id
    WHERE e.notification_id <= (SELECT through.position FROM through)
    UNION ALL
    SELECT a.partner_id, e.notification_id, e.append_position, e.topic, e.state
    FROM target a JOIN {log} e ON e.into_partner_id = a.partner_id
    WHERE e.partner_id <> a.partner_id AND e.notification_id <= (SELECT through.position FROM through)
    UNION ALL
    SELECT p.target_id, p.notification_id, p.append_position, p.topic, p.state
    FROM of_person p WHERE p.partner_id IS DISTINCT FROM p.target_id
    UNION ALL
    SELECT f.target_id, e.notification_id, e.append_position, e.topic, e.state
    FROM feeder f CROSS JOIN LATERAL (
        SELECT l.notification_id, l.append_position, l.topic, l.state, l.consultant_id FROM {log} l
        WHERE l.partner_id = f.partner_id AND l.topic IN ({of_people})
            AND l.notification_id <= (SELECT through.position FROM through)
        {by_id}
    ) e
    WHERE {any_apart} AND f.partner_id <> f.target_id AND e.consultant_id = ANY ({apart})
    UNION ALL
    SELECT o.target_id, e.notification_id, e.append_position, e.topic, e.state
    FROM employer o CROSS JOIN LATERAL (
        SELECT l.notification_id, l.append_position, l.topic, l.state, l.into_partner_id FROM {log} l
        WHERE l.partner_id = o.partner_id AND l.consultant_id IS NULL AND l.topic IN ({ending})
            AND l.notification_id <= (SELECT through.position FROM through)
        OFFSET 0
    ) e
    WHERE o.partner_id <> o.target_id AND e.into_partner_id IS DISTINCT FROM o.target_id
    UNION ALL
    {portal_changes}
    UNION ALL
    {policy}
)

-- name: routed
-- The facts routed to partners ($1), up to a position ($2). $3: see `apart`.
WITH RECURSIVE target AS (SELECT unnest($1::text[]) COLLATE "C" AS partner_id),
through AS (SELECT $2::bigint AS position),
{partner_routes}
SELECT r.target_id, r.notification_id, r.append_position, r.topic, r.state
FROM routed r ORDER BY r.target_id NULLS FIRST, r.notification_id

-- name: person_routes
-- The same behind `target (consultant_id)`, for answers about a person: its links, departures, grants, revocations and
-- maintenance completions, and every fact about the partners that it was ever linked to or moved to by a merger.
employer (partner_id) AS (
    SELECT l.partner_id
    FROM target a JOIN {log} l ON l.consultant_id = a.consultant_id
    WHERE l.topic = {linked}
    UNION
    SELECT m.into_partner_id
    FROM employer e {merged_into}
),
routed AS (
    SELECT a.consultant_id AS target_id, e.notification_id, e.append_position, e.topic, e.state
    FROM target a JOIN {log} e ON e.consultant_id = a.consultant_id
    WHERE e.topic IN ({of_people}, {revoked}) AND e.notification_id <= (SELECT through.position FROM through)
    UNION ALL
    SELECT a.consultant_id, e.notification_id, e.append_position, e.topic, e.state
    FROM target a, employer o CROSS JOIN LATERAL (
        SELECT l.notification_id, l.append_position, l.topic, l.state FROM {log} l
        WHERE l.partner_id = o.partner_id AND l.consultant_id IS NULL
            AND l.notification_id <= (SELECT through.position FROM through)
        {by_id}
    ) e
    UNION ALL
    {portal_changes}
    UNION ALL
    {policy}
)

-- name: group_routes
-- The other way round, behind `newer`, a part of the log: `touched`, the partners that each group of facts is routed to.
-- Portal changes aside, which concern every partner, and revisions of the policy (see `revised`). `shared`: those of
-- these people who are at `shared_min` partners, or known for it: whom else facts concern is found by following their links.
feeder (append_position, partner_id) AS (
    SELECT n.append_position, n.partner_id FROM newer n
    WHERE n.partner_id IS NOT NULL AND n.consultant_id IS NULL AND n.topic IN ({ending})
    UNION
    SELECT f.append_position, m.partner_id
    FROM feeder f JOIN {log} m ON m.into_partner_id = f.partner_id
),
person (append_position, consultant_id) AS (
    SELECT n.append_position, n.consultant_id FROM newer n
    WHERE n.consultant_id IS NOT NULL AND n.topic IN ({of_people})
    UNION
    SELECT f.append_position, l.consultant_id
    FROM feeder f CROSS JOIN LATERAL (
        SELECT k.consultant_id FROM {log} k WHERE k.partner_id = f.partner_id AND k.topic = {linked} {by_id}
    ) l
),
link (consultant_id, partner_id, shared) AS MATERIALIZED (
    SELECT p.consultant_id, l.partner_id, count(*) OVER (PARTITION BY p.consultant_id) >= {shared_min}
    FROM (SELECT DISTINCT r.consultant_id FROM person r WHERE r.consultant_id <> ALL ({known_shared})) p
    CROSS JOIN LATERAL (
        SELECT DISTINCT k.partner_id FROM {log} k WHERE k.consultant_id = p.consultant_id AND k.topic = {linked} {by_id}
    ) l
),
shared (consultant_id) AS (
    SELECT DISTINCT l.consultant_id FROM link l WHERE l.shared
    UNION ALL
    SELECT DISTINCT p.consultant_id FROM person p WHERE p.consultant_id = ANY ({known_shared})
),
concerned (append_position, partner_id) AS (
    (SELECT f.append_position, f.partner_id FROM feeder f
     UNION
     SELECT n.append_position, n.partner_id FROM newer n WHERE n.topic = {linked}
     UNION
     SELECT p.append_position, l.partner_id
     FROM person p JOIN link l ON l.consultant_id = p.consultant_id AND l.shared IS NOT TRUE)
    UNION
    SELECT e.append_position, m.into_partner_id
    FROM concerned e {merged_into}
),
touched (append_position, recorded_at, broadcast, revision, partner_id) AS (
    SELECT n.append_position, n.recorded_at, n.broadcast, n.revision, n.partner_id FROM newer n
    UNION ALL
    SELECT n.append_position, n.recorded_at, n.broadcast, n.revision, n.into_partner_id FROM newer n
    UNION ALL
    SELECT c.append_position, NULL, NULL, NULL, c.partner_id FROM concerned c
)

-- name: logged_columns
-- The columns of a fact `e`, with those by which it is routed.
e.topic, e.state, e.notification_id, e.append_position, e.partner_id, e.into_partner_id, e.consultant_id,
    (e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.')
        OR (e.originator_id >= 'policy-' AND e.originator_id < 'policy.')

-- name: matters
-- Whether an event `e` can matter to a partner. Applications of the library write events that are not facts.
e.topic IN ({of_people}) OR (e.consultant_id IS NULL AND (
    e.partner_id IS NOT NULL OR (e.originator_id >= 'portal_change-' AND e.originator_id < 'portal_change.')
    OR (e.originator_id >= 'policy-' AND e.originator_id < 'policy.' AND e.topic IN ({revised}))))

-- name: logged
SELECT {logged_columns}
FROM certification.stored_events e

-- name: about_people
{logged} WHERE e.consultant_id = ANY($1::text[]) AND e.topic IN ({of_people}) AND e.notification_id <= $2
ORDER BY e.notification_id

-- name: endings
{logged} WHERE e.partner_id = ANY($1::text[]) AND e.consultant_id IS NULL AND e.topic IN ({ending})
    AND e.notification_id <= $2
ORDER BY e.notification_id

-- name: linked_to
SELECT DISTINCT l.consultant_id FROM certification.stored_events l
WHERE l.partner_id = ANY($1::text[]) AND l.topic = {linked} AND l.notification_id <= $2

-- name: feeders
WITH RECURSIVE feeder (partner_id) AS (
    SELECT unnest($1::text[]) COLLATE "C"
    UNION
    SELECT m.partner_id FROM feeder f JOIN certification.stored_events m ON m.into_partner_id = f.partner_id
)
SELECT partner_id FROM feeder

-- name: declaration
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM certification.stored_events e
WHERE e.originator_id = 'portal_change-' || $1 AND e.topic IN ({declared})
    AND e.notification_id <= $2
ORDER BY e.notification_id

-- name: named
-- A training or an assessment can be recorded before the portal change that it names.
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM certification.stored_events e
WHERE certification.portal_change_named(e.state) = $1
    AND e.topic IN ({naming}) AND e.notification_id <= $2
ORDER BY e.notification_id LIMIT 1

-- name: about_partners
SELECT e.topic, e.state, e.notification_id, e.append_position, e.partner_id
FROM certification.stored_events e
WHERE (e.partner_id, e.notification_id) > ($1, $2) AND e.partner_id IS NOT NULL
    AND e.consultant_id IS NULL AND e.notification_id <= $3
ORDER BY e.partner_id, e.notification_id LIMIT $4

-- name: contradictory_endings
SELECT e.topic, e.state, e.notification_id, e.append_position
FROM certification.stored_events e
WHERE e.partner_id IN (
    SELECT m.partner_id
    FROM certification.stored_events m JOIN certification.stored_events o ON o.effective_at = m.effective_at
    WHERE m.topic = {merged} AND o.topic = {merged} AND o.partner_id <> m.partner_id
        AND m.notification_id <= $1 AND o.notification_id <= $1
) AND e.consultant_id IS NULL AND e.topic IN ({ending}) AND e.notification_id <= $1
ORDER BY e.notification_id

-- name: mentioned
WITH RECURSIVE named (partner_id) AS (
    (SELECT partner_id FROM certification.stored_events WHERE partner_id > $1 ORDER BY partner_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.partner_id FROM certification.stored_events e WHERE e.partner_id > n.partner_id
            ORDER BY e.partner_id LIMIT 1)
    FROM named n WHERE n.partner_id IS NOT NULL
), survivor (partner_id) AS (
    (SELECT into_partner_id FROM certification.stored_events WHERE into_partner_id > $1
     ORDER BY into_partner_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.into_partner_id FROM certification.stored_events e WHERE e.into_partner_id > s.partner_id
            ORDER BY e.into_partner_id LIMIT 1)
    FROM survivor s WHERE s.partner_id IS NOT NULL
)
SELECT partner_id FROM (
    (SELECT partner_id FROM named WHERE partner_id IS NOT NULL LIMIT $2)
    UNION
    (SELECT partner_id FROM survivor WHERE partner_id IS NOT NULL LIMIT $2)
) mentioned ORDER BY partner_id LIMIT $2

-- name: mentioned_people
SELECT DISTINCT e.consultant_id FROM certification.stored_events e
WHERE e.consultant_id > $1 AND e.notification_id <= $2
ORDER BY e.consultant_id LIMIT $3

-- name: people
-- The facts about people ($1), and the endings of the partners that each was ever linked or moved to, up to a position ($2).
WITH RECURSIVE target AS (SELECT unnest($1::text[]) COLLATE "C" AS consultant_id),
through AS (SELECT $2::bigint AS position),
employer (target_id, partner_id) AS (
    SELECT l.consultant_id, l.partner_id
    FROM target a JOIN certification.stored_events l ON l.consultant_id = a.consultant_id
    WHERE l.topic = {linked}
    UNION
    SELECT e.target_id, m.into_partner_id
    FROM employer e JOIN certification.stored_events m ON m.partner_id = e.partner_id
    WHERE m.consultant_id IS NULL AND m.into_partner_id IS NOT NULL
)
SELECT a.consultant_id AS target_id, e.notification_id, e.append_position, e.topic, e.state
FROM target a JOIN certification.stored_events e ON e.consultant_id = a.consultant_id
WHERE e.topic IN ({of_people}) AND e.notification_id <= (SELECT through.position FROM through)
UNION ALL
SELECT o.target_id, e.notification_id, e.append_position, e.topic, e.state
FROM employer o JOIN certification.stored_events e ON e.partner_id = o.partner_id
WHERE e.consultant_id IS NULL AND e.topic IN ({ending})
    AND e.notification_id <= (SELECT through.position FROM through)
UNION ALL
{portal_changes}
ORDER BY target_id NULLS FIRST, notification_id
