-- name: search
-- A page of `page` rows. A part that many names or ids hold is found among the next rows: not all have to be found. `near`: what is found
-- in a `sample` of `walk` rows. If that does not fill the page, and rows follow the last of these (`t.id` and `t.product`): `further` looks
-- at them if eight times as much would fill the page, and the indexes find what that does not (`indexed`).
WITH sample AS MATERIALIZED ({{sample}}),
near AS MATERIALIZED ({{near}}),
tried AS MATERIALIZED (
    SELECT n.found, n.found < {{page}} AND l.id IS NOT NULL AS more, l.id, l.product
    FROM (SELECT count(*) AS found FROM near) n LEFT JOIN (SELECT {{place}} FROM sample s OFFSET {{walk}} - 1) l ON true
),
further AS MATERIALIZED (
    SELECT f.* FROM tried t CROSS JOIN LATERAL ({{further}}) f WHERE t.more AND 8 * t.found >= {{page}}
),
lacking AS MATERIALIZED (
    SELECT t.* FROM tried t WHERE t.more AND t.found + (SELECT count(*) FROM further) < {{page}}
)
SELECT n.* FROM near n
UNION ALL
SELECT f.* FROM further f WHERE NOT EXISTS (SELECT FROM lacking)
UNION ALL
SELECT i.* FROM lacking t CROSS JOIN LATERAL ({{indexed}}) i
