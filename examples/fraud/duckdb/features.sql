-- The features of the fraud example, computed by DuckDB: the same meaning, none of the code.
--
-- It reads `payments.csv` and `labels.csv` of the folder that the variable `data` names, and makes the table `features`, one row for
-- each question in its order. Times are whole microseconds, so the window (t - 10 min, t] is [t - 599999999 us, t].

CREATE TABLE questions AS
SELECT row_number() OVER () AS question, card_id, epoch_us(asked_at) AS at_us, amount
FROM read_csv(getvariable('data') || '/labels.csv', types = {'card_id': 'VARCHAR', 'asked_at': 'TIMESTAMP', 'amount': 'DOUBLE'});

CREATE TABLE payments AS
SELECT row_number() OVER () AS position, card_id, epoch_us(paid_at) AS at_us, amount, merchant
FROM read_csv(getvariable('data') || '/payments.csv', types = {'card_id': 'VARCHAR', 'paid_at': 'TIMESTAMP', 'amount': 'DOUBLE'});

CREATE TABLE features AS
WITH timeline AS (
    SELECT card_id, at_us, position, amount, merchant, NULL AS question, NULL AS asked FROM payments
    UNION ALL
    -- At equal times a payment goes before a question.
    SELECT card_id, at_us, 9223372036854775807, NULL, NULL, question, amount FROM questions
),
windows AS (
    SELECT
        question,
        asked,
        count(amount) OVER last_10m AS payment_count_10m,
        coalesce(sum(amount) OVER last_10m, 0) AS payment_sum_10m,
        count(amount) OVER last_24h AS payment_count_24h,
        coalesce(sum(amount) OVER last_24h, 0) AS payment_sum_24h,
        count(DISTINCT merchant) OVER last_24h AS merchant_count_24h,
        avg(amount) OVER ever AS mean_amount,
        last_value(amount IGNORE NULLS) OVER in_order AS newest
    FROM timeline
    WINDOW
        last_10m AS (PARTITION BY card_id ORDER BY at_us RANGE BETWEEN 599999999 PRECEDING AND CURRENT ROW),
        last_24h AS (PARTITION BY card_id ORDER BY at_us RANGE BETWEEN 86399999999 PRECEDING AND CURRENT ROW),
        ever AS (PARTITION BY card_id ORDER BY at_us RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        in_order AS (PARTITION BY card_id ORDER BY at_us, position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT
    question,
    payment_count_10m,
    payment_sum_10m,
    payment_count_24h,
    payment_sum_24h,
    merchant_count_24h,
    mean_amount,
    newest / nullif(mean_amount, 0) AS newest_amount_ratio,
    asked / nullif(mean_amount, 0) AS amount_ratio,
    asked / nullif(payment_sum_24h + asked, 0) AS amount_share_24h
FROM windows
WHERE question IS NOT NULL
ORDER BY question;
