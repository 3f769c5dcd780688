-- What came in, what was given back, and what the sums kept by the day make of it, by
-- currency. For PostgreSQL and SQLite.
CREATE TEMPORARY VIEW books AS
SELECT currency,
       SUM(captured) AS captured,
       SUM(refunded) AS refunded,
       SUM(on_payments) AS on_payments,
       SUM(ledger) AS ledger
FROM (
    SELECT currency, amount_minor AS captured, 0 AS refunded,
           refunded_minor AS on_payments, 0 AS ledger
    FROM links_payment WHERE state = 'succeeded'
    UNION ALL
    SELECT currency, 0, amount_minor, 0, 0
    FROM links_refund WHERE state = 'succeeded'
    UNION ALL
    SELECT currency, 0, 0, 0,
           CASE measure WHEN 'paid' THEN amount_minor ELSE -amount_minor END
    FROM links_dailytotal WHERE measure IN ('paid', 'refunded')
) entries
GROUP BY currency
