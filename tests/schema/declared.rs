//! What is declared is law, and must be what the views read.

use serde_json::json;

use super::*;

const FIELDS: &str = "[sources.events.fields]\n";

#[test]
fn a_type_that_is_not_what_a_view_reads_is_an_error_at_its_line() {
    let project = project(&format!("files = [\"e.csv\"]\n{FIELDS}note = \"text\"\namount = \"text\""));
    project.write("e.csv", "user_id,ts\n");
    let at = "onepath.toml:11:10: field \"amount\" of source \"events\" is text, and view tally@v1 reads it as float64";
    for words in ["build", "materialize", "get --service all --entity user_id=a"] {
        bad(&project, words, at);
        bad(&project, words, "11 | amount = \"text\"\n   |          ^^^^^^");
    }
}

#[test]
fn whole_numbers_are_read_as_float64_where_that_is_exact() {
    let project = project(&format!("files = [\"e.csv\"]\n{FIELDS}amount = \"int64\""));
    project.write("e.csv", "user_id,amount,ts\na,2,2024-01-01\na,,2024-01-02\na,9007199254740992,2024-01-03\n");
    assert_eq!(backfilled(&project, ""), "3,1,9007199254740994.0,9007199254740992.0");
    let backfill = "backfill --service all --spine spine.csv --out out.csv";
    project.write("e.csv", "user_id,amount,ts\na,2,2024-01-01\na,9007199254740993,2024-01-03\n");
    bad(&project, backfill, "e.csv, row 2, column amount: the integer 9007199254740993 has no exact float64");
    // The declared type is the law of a file, though the view could read the fraction.
    project.write("e.csv", "user_id,amount,ts\na,1.5,2024-01-01\n");
    bad(&project, backfill, "e.csv, row 1, column amount: \"1.5\" is not an int64 number");
    project.write("e.csv", "user_id,amount,ts\n");
    let (server, mut client) = start(&project);
    for (amount, expected) in [
        (json!(9_007_199_254_740_993_i64), "the integer 9007199254740993 has no exact float64"),
        (json!(1.5), "1.5 is not an int64 number"),
        (json!("1"), "is not an int64 number"),
    ] {
        let event = json!({"user_id": "a", "amount": amount, "ts": "2024-01-01"});
        for reply in [push(&mut client, &event), push_feast(&mut client, &event)] {
            assert_eq!(reply.status, 422, "{amount}");
            assert!(reply.text().contains("amount") && reply.text().contains("row 1"), "{}", reply.text());
            assert!(reply.text().contains(&expected.replace('"', "\\\"")), "{}", reply.text());
        }
    }
    assert_eq!(push(&mut client, &json!({"user_id": "a", "amount": 7, "ts": "2024-01-01"})).status, 200);
    server.stop(&project);
    assert_eq!(logged(&project).len(), 1);
    assert_eq!(served(&project), "1,0,7.0,7.0");
    good(&project, "verify");
}

#[test]
fn a_field_that_must_have_a_value_has_one_everywhere() {
    let project = project(&format!("files = [\"e.csv\"]\n{FIELDS}amount = {{ type = \"float64\", nullable = false }}"));
    project.write("e.csv", "user_id,amount,ts\na,2,2024-01-01\na,,2024-01-02\n");
    project.write("spine.csv", "user_id,as_of\na,2024-06-01\n");
    let backfill = "backfill --service all --spine spine.csv --out out.csv";
    bad(&project, backfill, "e.csv, row 2, column amount: is null");
    project.write("e.csv", "user_id,ts\na,2024-01-01\n");
    bad(&project, backfill, "e.csv: no column \"amount\"");
    project.write("e.csv", "user_id,amount,ts\n");
    project.write("bad.ndjson", "{\"user_id\": \"a\", \"ts\": \"2024-01-01\"}\n");
    bad(&project, "ingest --source events bad.ndjson", "bad.ndjson, row 1, column amount: is missing");
    let (server, mut client) = start(&project);
    let reply = push(&mut client, &json!({"user_id": "a", "ts": "2024-01-01"}));
    assert_eq!(
        (reply.status, reply.text().contains("amount: is missing; it is float64")),
        (422, true),
        "{}",
        reply.text()
    );
    server.stop(&project);
}

#[test]
fn request_fields_are_declared_like_those_of_events() {
    let cart = format!(
        "{}\n[views.tally]\nsources = [\"events\"]\ntransform = \"CHURN\"\n[views.cart]\n\
         inputs = [\"tally:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
         [services.all]\nfeatures = [\"cart:*\"]\n",
        unread("")
    );
    let project = Project::new(&format!("{cart}[request.fields]\ncart_value = \"text\"\n"));
    let at = "field \"cart_value\" of request is text, and view cart@v1 reads it as float64";
    bad(&project, "build", at);
    bad(&project, "get --service all --entity user_id=a --request cart_value=1", at);

    project.configure(&format!("{cart}[request.fields]\ncart_value = \"int64\"\n"));
    let get = "get --service all --entity user_id=a --request cart_value";
    good(&project, &format!("{get}=12"));
    bad(&project, &format!("{get}=1.5"), "\"1.5\" is not an int64 number");
    bad(&project, &format!("{get}=9007199254740993"), "the integer 9007199254740993 has no exact float64");
    project.write("spine.csv", "user_id,cart_value,as_of\na,5,2024-06-01\na,9007199254740993,2024-06-01\n");
    let backfill = "backfill --service all --spine spine.csv --out out.csv";
    bad(&project, backfill, "spine.csv, row 2, column cart_value: the integer 9007199254740993 has no exact float64");
    project.write("spine.csv", "user_id,cart_value,as_of\na,5,2024-06-01\n");
    good(&project, backfill);
    good(&project, "verify");
}
