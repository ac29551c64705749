//! Every kind of wrong input, and the words for it.

use ::parquet::data_type::{ByteArray, ByteArrayType};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use arrow::array::{BinaryArray, Float64Array, Int64Array, ListArray, StringArray, UInt64Array};
use arrow::datatypes::Float64Type;
use expect_test::{Expect, expect};

use super::*;
use crate::files::{Input, column_names};

fn check(name: &str, content: impl AsRef<[u8]>, wanted: &[Wanted], expected: Expect) {
    let files = Files::new();
    let path = files.text(name, content);
    let error = read(&path, wanted, Rest::Ignore).expect_err("wrong");
    expected.assert_eq(&files.told(&error));
}

fn number() -> [Wanted; 1] {
    [wanted("n", ValueType::Int64)]
}

#[test]
fn names() {
    let files = Files::new();
    let error = column_names(&FileSystem, &files.path("x.txt")).expect_err("unknown");
    expect!["x.txt: unknown file format: the name must end in .parquet, .pq, .csv, .ndjson or .jsonl"]
        .assert_eq(&files.told(&error));
    for name in ["x.csv", "x.pq", "x.jsonl"] {
        let error = column_names(&FileSystem, &files.path(name)).expect_err("missing");
        assert_eq!(files.told(&error), format!("{name}: cannot be opened"));
        let source = std::error::Error::source(&error).expect("kept").to_string();
        assert_eq!(source, "No such file or directory (os error 2)");
    }
}

#[test]
fn headers() {
    check("x.csv", "id,n,id\n", &number(), expect![[r#"x.csv: two columns are named "id""#]]);
    check(
        "x.csv",
        "id,m\n1,2\n",
        &[required("n", ValueType::Int64)],
        expect![[r#"x.csv: no column "n"; it has: id, m"#]],
    );
    check("x.csv", "", &number(), expect!["x.csv: is empty: a CSV file has at least a header"]);
    check("x.csv", "\u{feff}", &number(), expect!["x.csv: is empty: a CSV file has at least a header"]);
    check("x.csv", b"\xff\n", &number(), expect!["x.csv: the header cannot be decoded"]);
    check("x.parquet", "", &number(), expect!["x.parquet: is empty: a Parquet file has at least a footer"]);
    check("x.parquet", "PAR1 and no more", &number(), expect!["x.parquet: is not a readable Parquet file"]);
    check(
        "x.ndjson",
        "{\"id\":1,\"m\":2}\n{\"k\":1}\n",
        &[required("n", ValueType::Int64)],
        expect!["x.ndjson, row 1, column n: is missing; the line has: id, m"],
    );
}

#[test]
fn rows_of_csv() {
    check(
        "x.csv",
        "id,n\na,1\nb\n",
        &number(),
        expect!["x.csv, row 2: the number of fields is 1, but the header has 2"],
    );
    check(
        "x.csv",
        "id,n\na,1,2\n",
        &number(),
        expect!["x.csv, row 1: the number of fields is 3, but the header has 2"],
    );
    check(
        "x.csv",
        "id,n\na,1\nb,2,3,4\nc,1\n",
        &number(),
        expect!["x.csv, row 2: the number of fields is 4, but the header has 2"],
    );
    check(
        "x.csv",
        "id,n\na,1\n\"b,2\nc,3\n",
        &number(),
        expect![
            "x.csv, row 2: the file ends inside a quoted field that begins here: its closing quote is missing, or the file was cut"
        ],
    );
    check(
        "x.csv",
        "id,n\na,1\n\"b\"c,2\n",
        &number(),
        expect![
            "x.csv, row 2: a quoted field has text after its closing quote: inside a quoted field a quote is written twice"
        ],
    );
    check(
        "x.csv",
        "id,\"n\na,1\n",
        &number(),
        expect![[
            r#"x.csv: the file ends inside a quoted field that begins here: its closing quote is missing, or the file was cut"#
        ]],
    );
    check("x.csv", b"id,n\na,1\nb,\xff\n", &number(), expect!["x.csv, row 2, column n: is not UTF-8"]);
    check("x.csv", "id,n\na,1\nb,x\n", &number(), expect![[r#"x.csv, row 2, column n: "x" is not an int64 number"#]]);
    let refused = [Wanted { nulls: Nulls::Refused, ..wanted("id", ValueType::Text) }];
    check("x.csv", "id,n\na,1\n,x\n", &refused, expect!["x.csv, row 2, column id: is null"]);
    let time = [wanted("at", ValueType::Time)];
    check(
        "x.csv",
        "at\ngarbage\n",
        &time,
        expect![[r#"x.csv, row 1, column at: "garbage" is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z"#]],
    );
    let late: String = std::iter::once("n\n").chain(std::iter::repeat_n("1\n", 10_000)).chain(["x\n"]).collect();
    check("x.csv", &late, &number(), expect![[r#"x.csv, row 10001, column n: "x" is not an int64 number"#]]);
    let late: String = std::iter::once("n,m\n").chain(std::iter::repeat_n("1,2\n", 10_000)).chain(["x\n"]).collect();
    check("x.csv", &late, &number(), expect!["x.csv, row 10001: the number of fields is 1, but the header has 2"]);
}

#[test]
fn rows_of_ndjson() {
    check(
        "x.ndjson",
        "{\"n\":1}\n\n{\"n\":2",
        &number(),
        expect!["x.ndjson, row 3: is not JSON: EOF while parsing an object at byte 6"],
    );
    check("x.ndjson", "{\"n\":1}\n[1]\n", &number(), expect!["x.ndjson, row 2: is not a JSON object"]);
    check(
        "x.ndjson",
        b"{\"n\":\"\xff\"}",
        &number(),
        expect!["x.ndjson, row 1: is not JSON: invalid unicode code point at byte 7"],
    );
    check(
        "x.ndjson",
        "{\"n\":1}\n{\"n\":\"x\"}\n",
        &number(),
        expect![[r#"x.ndjson, row 2, column n: "x" is not an int64 number"#]],
    );
    let refused = [Wanted { nulls: Nulls::Refused, ..wanted("n", ValueType::Int64) }];
    check("x.ndjson", "{\"n\":1}\n{}\n", &refused, expect!["x.ndjson, row 2, column n: is missing; the line has: "]);
    let files = Files::new();
    let path = files.text("x.ndjson", "{\"n\":1}\n{\"n\":2,\"a\":{\"b\":1}}\n");
    let error = read(&path, &number(), Rest::Keep).expect_err("nested");
    expect![
        "x.ndjson, row 2, column a: holds an object; only booleans, numbers and texts pass through to another format"
    ]
    .assert_eq(&files.told(&error));
}

#[test]
fn columns_of_parquet() {
    let files = Files::new();
    let lists = [Some(vec![Some(1.0)]), Some(vec![None])];
    let path = files.parquet(
        "x.parquet",
        vec![
            ("big", array(UInt64Array::from(vec![1, u64::MAX]))),
            ("odd", array(Int64Array::from(vec![1, 9_007_199_254_740_993]))),
            ("bytes", array(BinaryArray::from(vec![&b"a"[..], b"b"]))),
            ("text", array(StringArray::from(vec![Some("2024-01-01"), Some("garbage")]))),
            ("null", array(StringArray::from(vec![Some("a"), None]))),
            ("float", array(Float64Array::from(vec![1.0, 2.0]))),
            ("list", array(ListArray::from_iter_primitive::<Float64Type, _, _>(lists))),
        ],
    );
    let told = |wanted: Wanted| files.told(&read_column(&path, wanted).expect_err("wrong"));
    let all = [
        told(wanted("big", ValueType::Int64)),
        told(wanted("big", ValueType::Float64)),
        told(wanted("odd", ValueType::Float64)),
        told(wanted("odd", ValueType::Time)),
        told(wanted("bytes", ValueType::Text)),
        told(wanted("text", ValueType::Int64)),
        told(wanted("text", ValueType::Time)),
        told(wanted("float", ValueType::Int64)),
        told(wanted("float", ValueType::Bool)),
        told(wanted("list", ValueType::Float64List)),
        told(required("amount", ValueType::Float64)),
        told(Wanted { nulls: Nulls::Refused, ..wanted("null", ValueType::Text) }),
        told(in_unit("big", TimeUnit::Seconds)),
    ];
    expect![[r#"
        x.parquet, row 2, column big: 18446744073709551615 is beyond the greatest int64, 9223372036854775807
        x.parquet, row 2, column big: the integer 18446744073709551615 has no exact float64
        x.parquet, row 2, column odd: the integer 9007199254740993 has no exact float64
        x.parquet, row 1, column odd: holds integers where time is expected: declare their unit (s, ms, us or ns) with event_time_unit or arrival_time_unit of the source, or --as-of-unit for a spine
        x.parquet, column bytes: is of type Binary where text is expected
        x.parquet, column text: is of type Utf8 where int64 is expected
        x.parquet, row 2, column text: "garbage" is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z
        x.parquet, column float: is of type Float64 where int64 is expected
        x.parquet, column float: is of type Float64 where bool is expected
        x.parquet, row 2, column list: holds a list with a null in it
        x.parquet: no column "amount"; it has: big, odd, bytes, text, null, float, list
        x.parquet, row 2, column null: is null
        x.parquet, row 2, column big: 18446744073709551615 is out of the range of times"#]]
    .assert_eq(&all.join("\n"));
}

/// A Parquet file of one text column `t`, whose bytes nobody checks.
fn parquet_of_bytes(files: &Files, values: &[&[u8]], is_dictionary: bool) -> PathBuf {
    let path = files.path("x.parquet");
    let schema = Arc::new(parse_message_type("message m { REQUIRED BYTE_ARRAY t (UTF8); }").expect("a schema"));
    let properties = WriterProperties::builder().set_dictionary_enabled(is_dictionary).build();
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let mut column = group.next_column().expect("a column").expect("the first");
    let values: Vec<ByteArray> = values.iter().map(|value| ByteArray::from(value.to_vec())).collect();
    column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("rows");
    column.close().expect("a column");
    group.close().expect("a row group");
    writer.close().expect("a footer");
    path
}

#[test]
fn texts_of_parquet_that_are_not_utf8_are_refused() {
    for is_dictionary in [true, false] {
        for bad in [&b"\xff"[..], b"a text that is longer than a view \xff", b"\xed\xa0\x80"] {
            let files = Files::new();
            let path = parquet_of_bytes(&files, &[b"a", bad, b"b"], is_dictionary);
            let text = wanted("t", ValueType::Text);
            assert!(read_column(&path, text.clone()).is_err(), "{bad:?} as a table");
            assert!(read(&path, &[], Rest::Keep).is_err(), "{bad:?} passing through");
            let input = Input::open(&file_system(), &path).expect("opens");
            let sheets = input.read(0, &[text], &mut |_| Ok::<(), InputError>(()));
            assert!(sheets.is_err(), "{bad:?} as a sheet, dictionary {is_dictionary}");
        }
    }
}

/// A Parquet file cut short anywhere, or with a bit of any byte changed, is an error or other values, never a panic.
#[test]
fn damaged_parquet_is_no_panic() {
    let files = Files::new();
    let numbers = array(Int64Array::from_iter((0..100).map(|n| (n % 7 != 0).then_some(n * n))));
    let texts = array(StringArray::from_iter((0..100).map(|n| (n % 5 != 0).then(|| format!("t{}", n % 9)))));
    let whole = std::fs::read(files.parquet("x.parquet", vec![("n", numbers), ("t", texts)])).expect("a file");
    let wanted = [wanted("n", ValueType::Int64), wanted("t", ValueType::Text)];
    for length in 0..whole.len() {
        let path = files.text("cut.parquet", &whole[..length]);
        let error = read(&path, &wanted, Rest::Keep).expect_err("cut");
        assert!(files.told(&error).starts_with("cut.parquet: is "), "{error}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let path = files.text("bad.parquet", &bytes);
        if let Err(error) = read(&path, &wanted, Rest::Ignore) {
            assert!(files.told(&error).starts_with("bad.parquet"), "{error}");
        }
    }
}
