//! Keys that were made to have one XXH64: counts stay exact, and the work grows as n log n.

use std::cell::Cell;
use std::cmp::Ordering;

use onepath_sdk::hash::{Hashed, Key, hash};
use onepath_sdk::prelude::*;
use onepath_sdk::state::{StateError, decode_all};
use onepath_sdk::testing::as_of;

const PRIMES: [u64; 4] = [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

/// What XXH64 makes of a word of eight bytes, before it takes it in.
fn mixed(word: u64) -> u64 {
    word.wrapping_mul(PRIMES[1]).rotate_left(31).wrapping_mul(PRIMES[0])
}

/// The inverse of an odd number modulo 2^64 (Newton's iteration doubles the bits that are right).
fn inverse(odd: u64) -> u64 {
    (0..6).fold(odd, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse))))
}

/// The word that [`mixed`] makes this of.
fn unmixed(mixed: u64) -> u64 {
    mixed.wrapping_mul(inverse(PRIMES[0])).rotate_right(31).wrapping_mul(inverse(PRIMES[1]))
}

/// The state of XXH64 with the seed 0 after the first of two words.
fn after_first(word: u64) -> u64 {
    let state = PRIMES[3].wrapping_add(16) ^ mixed(word);
    state.rotate_left(27).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[2])
}

/// Texts of sixteen ASCII characters that all have one hash: for each first half there is a second half that leads to a given
/// state, and one in 256 of those is ASCII.
fn colliding(count: usize) -> Vec<String> {
    let first_half = |n: u64| u64::from_le_bytes(*format!("{n:08x}").as_bytes().first_chunk().expect("eight digits"));
    let target = after_first(first_half(0)) ^ mixed(u64::from_le_bytes(*b"-collide"));
    let keys = (0..).filter_map(|n| {
        let first = first_half(n);
        let second = unmixed(after_first(first) ^ target);
        let bytes = [first.to_le_bytes(), second.to_le_bytes()].concat();
        String::from_utf8(bytes).ok().filter(|key| key.is_ascii())
    });
    keys.take(count).collect()
}

thread_local! {
    static COMPARISONS: Cell<u64> = const { Cell::new(0) };
}

/// A text that counts how often it is compared.
#[derive(Clone, Debug, Eq)]
struct Counted(String);

impl Ord for Counted {
    fn cmp(&self, other: &Self) -> Ordering {
        COMPARISONS.set(COMPARISONS.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Hashed for Counted {
    fn hash64(&self) -> u64 {
        self.0.as_str().hash64()
    }

    fn digest64(&self) -> u64 {
        self.0.as_str().digest64()
    }
}

impl Key for Counted {
    type Ref = Counted;

    fn encode_key(&self, bytes: &mut Vec<u8>) {
        self.0.encode_key(bytes);
    }

    fn decode_key(bytes: &mut &[u8]) -> Result<Self, StateError> {
        String::decode_key(bytes).map(Counted)
    }
}

fn bytes(state: &impl State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    bytes
}

type Keyed = (Distinct<Counted>, Counts<Counted>);

/// How many comparisons it takes to add so many keys twice, to encode and decode what is kept of them, and to merge it.
fn comparisons(keys: &[Counted]) -> u64 {
    COMPARISONS.set(0);
    let (mut keyed, mut window) = (Keyed::default(), DistinctWindow::<Counted, Days<1>>::default());
    for (at, key) in (0..).zip(keys.iter().chain(keys)) {
        keyed.push(EventTime(at), (key, key));
        window.push(EventTime(at), key);
    }
    keyed = decode_all(&bytes(&keyed)).expect("what was encoded");
    window = decode_all(&bytes(&window)).expect("what was encoded");
    keyed.merge(&keyed.clone());
    let count = keys.len() as i64;
    assert_eq!((keyed.0.count(), keyed.1.distinct(), keyed.1.count_of(&keys[0])), (count, count, 4));
    assert_eq!(window.closed::<Days<1>>(as_of(2 * count)).count(), count);
    assert!(keys.iter().all(|key| keyed.0.contains(key) && window.closed::<Days<1>>(as_of(2 * count)).contains(key)));
    assert_eq!(keyed.1.top(keys.len()).len(), keys.len());
    COMPARISONS.get()
}

#[test]
fn the_work_for_keys_of_one_hash_grows_as_n_log_n() {
    let keys: Vec<Counted> = colliding(16_000).into_iter().map(Counted).collect();
    assert!(keys.iter().all(|key| key.hash64() == keys[0].hash64()));
    let counts = [1_000, 4_000, 16_000].map(|count| comparisons(&keys[..count]));
    for (count, comparisons) in [1_000_u64, 4_000, 16_000].into_iter().zip(counts) {
        // Some twenty searches for each key, in trees whose nodes are gone through one by one.
        assert!(comparisons <= count * u64::from(count.ilog2()) * 50, "{comparisons} comparisons for {count} keys");
    }
    // Sixteen times the keys: 16 x 14 / 10 times the work, and not 256 times.
    assert!(counts[2] < counts[0] * 28, "{counts:?}");
}

#[test]
fn states_of_keys_of_one_hash_have_one_order() {
    let keys = colliding(300);
    let of = |keys: &mut dyn Iterator<Item = &String>| {
        let mut state = (Distinct::<String>::default(), Counts::<String>::default());
        let mut window = DistinctWindow::<String, Days<1>>::default();
        for key in keys {
            state.push(EventTime(0), (key, key));
            window.push(EventTime(0), key);
            // Keys of other hashes lie between.
            let other = format!("{key}!");
            state.push(EventTime(0), (&other, &other));
        }
        (bytes(&state), bytes(&window))
    };
    let expected = of(&mut keys.iter());
    assert_eq!(of(&mut keys.iter().rev()), expected);
    assert_eq!(of(&mut keys[100..].iter().chain(&keys[..100])), expected);
    // Old keys of one hash are let go like others.
    let mut window = DistinctWindow::<String, Seconds<1>>::default();
    for (at, key) in (0..).zip(&keys) {
        window.push(EventTime(at * 10_000), key);
    }
    assert_eq!(window.closed::<Seconds<1>>(as_of(299 * 10_000)).count(), 101);
    let resumed: DistinctWindow<String, Seconds<1>> = decode_all(&bytes(&window)).expect("what was encoded");
    assert_eq!(resumed, window);
}

#[test]
fn an_estimate_is_not_led_astray_by_keys_of_one_hash() {
    let keys = colliding(8_000);
    assert!(keys.iter().all(|key| hash(key.as_str()) == hash(keys[0].as_str())));
    let mut about = HyperLogLog::<String, 12>::default();
    keys.iter().for_each(|key| about.push(EventTime(0), key));
    // Within four standard errors of 1.6 %.
    assert!((about.count() - 8_000).abs() < 520, "{}", about.count());
}
