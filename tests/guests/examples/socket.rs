//! Connects to a server.

use std::net::TcpStream;

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let connected = i64::from(TcpStream::connect("127.0.0.1:80").is_ok());
        vec![column(Values::Int64s(every(input, connected)))]
    }
}

guests::export!(Spoiled);
