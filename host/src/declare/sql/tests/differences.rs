//! Each difference from DuckDB that transforms/EXPRESSIONS.md states: what onepath does, and beside it what DuckDB 2.0.1 does.

use onepath_definition::ValueType;

use super::{Cell, Table};

/// The value of an expression without fields.
fn value(text: &str) -> Cell {
    let table = Table { fields: Vec::new(), columns: Vec::new(), rows: 1 };
    let (_, mut cells) = table.evaluate(text).unwrap_or_else(|fault| panic!("{text}: {}", fault.message));
    cells.remove(0)
}

fn value_type(text: &str) -> ValueType {
    let table = Table { fields: Vec::new(), columns: Vec::new(), rows: 1 };
    table.evaluate(text).unwrap_or_else(|fault| panic!("{text}: {}", fault.message)).0.value_type
}

fn is_refused(text: &str) -> bool {
    let table = Table { fields: Vec::new(), columns: Vec::new(), rows: 1 };
    table.evaluate(text).is_err()
}

fn is_failed(text: &str) -> bool {
    matches!(value(text), Cell::Failed(_))
}

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

#[test]
fn integers_are_int64() {
    // Fails: INTEGER.
    assert_eq!(value("2147483647 + 1"), Cell::Int64(2_147_483_648));
    assert_eq!(value("CAST('3000000000' AS INTEGER)"), Cell::Int64(3_000_000_000));
    // HUGEINT.
    assert!(is_refused("9223372036854775808"));
    // TINYINT.
    assert_eq!(value_type("sign(-2.5)"), ValueType::Int64);
}

#[test]
fn decimal_literals_are_float64() {
    // 0.3: DECIMAL.
    assert_eq!(value("0.1 + 0.2"), Cell::Float64(0.30000000000000004));
    assert_eq!(value("0.1 + 0.2 = 0.3"), Cell::Boolean(false));
}

#[test]
fn nothing_becomes_a_number_or_a_boolean_by_itself() {
    // true, 6, true, true.
    for text in ["'5' = 5", "'5' + 1", "true = 1", "true AND 1", "coalesce(1, '2')", "1 IN ('1', '2')"] {
        assert!(is_refused(text), "{text}");
    }
    assert_eq!(value("CAST('5' AS BIGINT) = 5"), Cell::Boolean(true));
}

#[test]
fn failures_are_lost_beside_what_decides() {
    // DuckDB computes both sides, and fails.
    assert_eq!(value("false AND 1 // 0 = 1"), Cell::Boolean(false));
    assert_eq!(value("1 // 0 = 1 OR true"), Cell::Boolean(true));
    assert_eq!(value("1 IN (1, 1 // 0)"), Cell::Boolean(true));
}

#[test]
fn failures_are_kept_beside_nulls() {
    // DuckDB has null or fails, by what the rows around it are.
    assert!(is_failed("CAST(NULL AS BIGINT) + 1 // 0"));
    assert!(is_failed("1 // 0 + CAST(NULL AS BIGINT)"));
}

#[test]
fn reverse_is_by_code_points() {
    // By grapheme clusters: the color stays with the thumb.
    assert_eq!(value("reverse('👍🏽a')"), text("a🏽👍"));
    assert_eq!(value("reverse('äb')"), text("bä"));
}

#[test]
fn letters_are_those_of_the_components_unicode() {
    // DuckDB does not know these letters of Unicode 16, and leaves them.
    assert_eq!(value("lower('\u{a7cb}')"), text("\u{264}"));
    assert_eq!(value("upper('ß') || lower('İ') || upper('ᾳ') || upper('ﬁ')"), text("ẞiᾼﬁ"));
}

#[test]
fn cosine_with_nothing_is_null() {
    // nan.
    assert_eq!(value("list_cosine_similarity([0.0, 0.0], [1.0, 2.0])"), Cell::Null);
    assert_eq!(value("list_cosine_distance([0.0, 0.0], [1.0, 2.0])"), Cell::Null);
}

#[test]
fn products_of_lists_are_summed_exactly() {
    // 0.0: rounded after each product.
    assert_eq!(value("list_dot_product([1e20, 1.0, -1e20], [1.0, 1.0, 1.0])"), Cell::Float64(1.0));
}

#[test]
fn lists_need_no_length() {
    // DuckDB has array_ functions of arrays of one length alone, and no list_norm.
    assert_eq!(value("array_dot_product([1.0, 2.0], [3.0, 4.0])"), Cell::Float64(11.0));
    assert_eq!(value("array_distance([1.0, 1.0], [4.0, 5.0])"), Cell::Float64(5.0));
    assert_eq!(value("list_norm([3.0, 4.0])"), Cell::Float64(5.0));
}

#[test]
fn no_time_is_infinite() {
    assert!(is_failed("CAST('infinity' AS TIMESTAMP)"));
    assert_eq!(value("make_timestamp(9223372036854775807)"), Cell::Int64(i64::MAX));
    // Fails: beyond its milliseconds.
    assert_eq!(value("epoch_ms(make_timestamp(9223372036854775806))"), Cell::Int64(9_223_372_036_854_776));
}

#[test]
fn offsets_of_times_count() {
    // DuckDB leaves the offset out: 10:00:00.
    assert_eq!(value("CAST(CAST('2024-01-01 10:00:00+02:00' AS TIMESTAMP) AS VARCHAR)"), text("2024-01-01 08:00:00"));
    assert_eq!(value("CAST(TIMESTAMP '2024-01-01T10:00:00Z' AS VARCHAR)"), text("2024-01-01 10:00:00"));
}

#[test]
fn stretches_fit_int64() {
    // DuckDB counts days and microseconds apart.
    let (first, last) = ("make_timestamp(-9000000000000000000)", "make_timestamp(9000000000000000000)");
    assert!(is_failed(&format!("epoch({last} - {first})")));
    assert_eq!(value("epoch(make_timestamp(1500000) - make_timestamp(0))"), Cell::Float64(1.5));
}

#[test]
fn dates_are_times() {
    // DATE.
    assert_eq!(value_type("DATE '2024-02-29'"), ValueType::Time);
    assert_eq!(value("CAST(DATE '2024-02-29' AS VARCHAR)"), text("2024-02-29 00:00:00"));
    assert_eq!(value("CAST(last_day(TIMESTAMP '2024-02-03 10:00:00') AS VARCHAR)"), text("2024-02-29 00:00:00"));
    // With a time zone, in DuckDB.
    assert_eq!(value_type("to_timestamp(1.5)"), ValueType::Time);
}

#[test]
fn nan_has_no_sign() {
    // -nan, by the processor.
    assert_eq!(value("CAST((1.0 / 0.0) * 0.0 AS VARCHAR)"), text("nan"));
    assert_eq!(value("CAST(-CAST('nan' AS DOUBLE) AS VARCHAR)"), text("nan"));
}

#[test]
fn integers_in_texts_are_decimal() {
    // 31.
    assert!(is_failed("CAST('0x1F' AS BIGINT)"));
    assert_eq!(value("CAST('1_000' AS BIGINT)"), Cell::Int64(1_000));
}

#[test]
fn rounding_to_places_is_of_float64() {
    // BIGINT.
    assert_eq!(value("round(15, -1)"), Cell::Float64(20.0));
}

#[test]
fn integer_division_is_of_int64() {
    // 0.75: as /.
    assert!(is_refused("1.5 // 2.0"));
    assert_eq!(value("7 // 2"), Cell::Int64(3));
}

#[test]
fn texts_are_padded_by_what_is_stated() {
    // DuckDB takes a number of each row; lpad('ab', 3, '') fails, and repeat('a', 1001) is as long.
    for text in [
        "repeat('a', length('ab'))",
        "lpad('a', 1 + 1, '0')",
        "rpad('a', 3, lower('X'))",
        "lpad('ab', 3, '')",
        "repeat('a', 1001)",
    ] {
        assert!(is_refused(text), "{text}");
    }
    assert_eq!(value("length(rpad('a', 1000, 'xy'))"), Cell::Int64(1_000));
}

#[test]
fn texts_are_at_most_a_mebibyte() {
    let long = format!("'{}'", "a".repeat(1_024));
    let doubled = |text: &str| format!("replace({text}, 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')");
    assert_eq!(value(&format!("length({})", doubled(&long))), Cell::Int64(32_768));
    assert_eq!(value(&format!("length({})", doubled(&doubled(&long)))), Cell::Int64(1 << 20));
    assert!(is_failed(&format!("length({} || 'a')", doubled(&doubled(&long)))));
}

#[test]
fn library_functions_are_the_components() {
    // The same bits natively and in the component, on every machine; DuckDB's are those of the platform.
    assert_eq!(value("sin(1e22)"), Cell::Float64(libm::sin(1e22)));
    assert_eq!(value("pow(2, 0.5)"), Cell::Float64(2.0_f64.sqrt()));
}

#[test]
fn buckets_are_ours() {
    assert_eq!(value("hash_bucket('a', 16)"), Cell::Int64(0xd));
    assert_eq!(value("hash_bucket(0, 256)"), Cell::Int64(0x34));
}

#[test]
fn what_binds_otherwise_is_refused() {
    // pow(2, 3) * 2, and so on: written without parentheses, this parser and DuckDB read it differently.
    for text in ["2 * 3 ^ 2", "'a' || 1 + 1", "1 < 2 = true", "1 << 2"] {
        assert!(is_refused(text), "{text}");
    }
}
