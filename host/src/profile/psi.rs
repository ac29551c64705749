//! The population stability index.

/// The least share of a bin: an empty one counts as if it held so many, for its logarithm would have no end.
pub const SHARE_FLOOR: f64 = 0.000_1;

/// The sum of `(q - p) * ln(q / p)` over bins, of which `p` and `q` are the shares in the reference and in what is observed, each at
/// least [`SHARE_FLOOR`]. `None` where one of the two has no values.
pub fn psi(reference: &[u64], observed: &[u64]) -> Option<f64> {
    let shares = |counts: &[u64]| {
        let all: u64 = counts.iter().sum();
        (all > 0).then(|| counts.iter().map(|count| (*count as f64 / all as f64).max(SHARE_FLOOR)).collect::<Vec<_>>())
    };
    let (reference, observed) = (shares(reference)?, shares(observed)?);
    Some(reference.iter().zip(&observed).map(|(p, q)| (q - p) * (q / p).ln()).sum())
}
