//! The data of the fraud example: `fraud-tools generate DATA [PAYMENTS]` writes the payments of June 2024, those of its last day
//! to be pushed, and the questions to train on. The same bytes each time, on every machine: only whole numbers are drawn.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// How many payments the committed data is of.
const PAYMENTS: usize = 1_500;
/// Shops to pay at.
const MERCHANTS: u64 = 400;
/// Shops that a card usually pays at.
const FAVOURITES: u64 = 5;
const DAY_SECONDS: u64 = 86_400;
/// June has 30 days; the payments of the last are pushed.
const MONTH_SECONDS: u64 = 30 * DAY_SECONDS;
const TODAY: u64 = 29 * DAY_SECONDS;
/// A payment is judged so long before it is booked.
const ASKED_BEFORE_SECONDS: u64 = 2;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end`, exclusive.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

struct Payment {
    /// Since the beginning of the month.
    second: u64,
    card: u64,
    merchant: u64,
    cents: u64,
    is_fraud: bool,
}

/// The texts of the files.
struct Data {
    payments: String,
    today: String,
    labels: String,
}

/// About `count` payments. Some cards pay much more often than others; most pay at a few shops, at their own level of prices.
/// Once in a while a stolen card pays several times within minutes, at other shops, and more than usual.
fn payments(count: usize) -> Vec<Payment> {
    let mut random = Random(20_240_601);
    let cards = (count as u64 / 60).max(20);
    let mut payments = Vec::with_capacity(count + 8);
    while payments.len() < count {
        // The smaller of two draws: low numbers come more often.
        let card = random.below(cards).min(random.below(cards));
        let second = random.below(MONTH_SECONDS);
        let usual_cents = 500 + card * 7_919 % 9_500;
        let favourite = (card * 31 + random.below(FAVOURITES) * 101) % MERCHANTS;
        let merchant = if random.below(10) < 7 { favourite } else { random.below(MERCHANTS) };
        let cents = usual_cents * (20 + random.below(160)) / 100;
        payments.push(Payment { second, card, merchant, cents, is_fraud: false });
        if random.below(100) == 0 {
            let mut second = second;
            for _ in 0..2 + random.below(5) {
                second = (second + 20 + random.below(200)).min(MONTH_SECONDS - 1);
                let cents = usual_cents * (200 + random.below(800)) / 100;
                payments.push(Payment { second, card, merchant: random.below(MERCHANTS), cents, is_fraud: true });
            }
        }
    }
    // A stable order: equal times stay as they were drawn.
    payments.sort_by_key(|payment| payment.second);
    payments
}

fn data(count: usize) -> Result<Data, std::fmt::Error> {
    let mut payments_csv = String::from("card_id,paid_at,amount,merchant\n");
    let (mut today, mut labels) = (String::new(), String::from("card_id,asked_at,amount,is_fraud\n"));
    // A few hundred questions of the committed data are enough to look at; of a large one, every payment is one.
    let every = if count <= PAYMENTS { 4 } else { 1 };
    for (number, Payment { second, card, merchant, cents, is_fraud }) in payments(count).iter().enumerate() {
        let (at, amount) = (time(*second), format!("{}.{:02}", cents / 100, cents % 100));
        if *second >= TODAY {
            let ids = format!(r#""card_id": "k{card}", "merchant": "m{merchant}""#);
            writeln!(today, r#"{{{ids}, "paid_at": "{at}", "amount": {amount}}}"#)?;
            continue;
        }
        writeln!(payments_csv, "k{card},{at},{amount},m{merchant}")?;
        if number % every == 0 || (*is_fraud && every > 1) {
            let asked = time(second.saturating_sub(ASKED_BEFORE_SECONDS));
            writeln!(labels, "k{card},{asked},{amount},{}", u8::from(*is_fraud))?;
        }
    }
    Ok(Data { payments: payments_csv, today, labels })
}

/// A second of June 2024, in ISO 8601.
fn time(second: u64) -> String {
    let (day, second) = (second / DAY_SECONDS + 1, second % DAY_SECONDS);
    format!("2024-06-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

fn generate(folder: &Path, count: usize) -> Result<String, String> {
    let Data { payments, today, labels } = data(count).map_err(|error| error.to_string())?;
    for (name, text) in [("payments.csv", &payments), ("today.ndjson", &today), ("labels.csv", &labels)] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (payments, labels) = (payments.lines().count() - 1, labels.lines().count() - 1);
    Ok(format!("{payments} payments of history, {} of today, {labels} questions\n", today.lines().count()))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match &arguments[..] {
        [verb, folder] if verb == "generate" => generate(Path::new(folder), PAYMENTS),
        [verb, folder, count] if verb == "generate" => match count.parse() {
            Ok(count) => generate(Path::new(folder), count),
            Err(_) => Err(format!("`{count}` is not a number of payments")),
        },
        _ => {
            eprintln!("usage: fraud-tools generate DATA [PAYMENTS]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_data_is_what_is_generated() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
        let Data { payments, today, labels } = data(PAYMENTS).expect("writes to texts");
        for (name, text) in [("payments.csv", payments), ("today.ndjson", today), ("labels.csv", labels)] {
            assert!(std::fs::read_to_string(folder.join(name)).expect("reads") == text, "{name} is another");
        }
    }

    #[test]
    fn times_are_of_june() {
        assert_eq!(time(0), "2024-06-01T00:00:00Z");
        assert_eq!(time(MONTH_SECONDS - 1), "2024-06-30T23:59:59Z");
    }
}
