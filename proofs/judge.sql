-- All that the judge of the kills may know of the shop's own books.
CREATE OR REPLACE VIEW judged AS
SELECT 'message' AS what, m.public_id AS id, m.reference AS link, m.channel AS kind,
       m.state, 0::bigint AS amount_minor, '' AS currency, m.provider_message_id AS outside,
       (SELECT count(*) FROM notifications_attempt a WHERE a.message_id = m.id
        AND (a.outcome = 'lapsed' OR left(a.outcome, 5) = 'late '))::bigint AS lapsed
FROM notifications_message m
UNION ALL
SELECT 'payment', p.public_id, COALESCE(l.public_id, ''), p.mismatch, p.state,
       p.amount_minor, p.currency, p.provider_payment_id, p.surplus_minor
FROM links_payment p LEFT JOIN links_paymentlink l ON l.id = p.link_id
UNION ALL
SELECT 'link', l.public_id, l.public_id, '', l.status, l.amount_paid_minor, l.currency, '', 0
FROM links_paymentlink l
UNION ALL
SELECT 'checkout', c.public_id, l.public_id, '', c.state, c.amount_minor, c.currency,
       c.provider_session_id, 0
FROM links_checkout c JOIN links_paymentlink l ON l.id = c.link_id
UNION ALL
SELECT 'event', e.event_id, '', e.kind, e.state, 0, '', e.event_id, 0
FROM links_webhookevent e;
