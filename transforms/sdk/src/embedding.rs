//! Embeddings: lists of float64 and how alike they are.
//!
//! Products are rounded once each and added up exactly ([`sum`]), so no answer depends on the order of the dimensions. Two
//! lists of different lengths have no dot product and no cosine: the answer is none.

use crate::window::sum;

/// The dot product; 0.0 for empty lists; none where the lengths differ.
pub fn dot(a: &[f64], b: &[f64]) -> Option<f64> {
    let products = || a.iter().zip(b).map(|(left, right)| left * right).collect::<Vec<_>>();
    (a.len() == b.len()).then(|| sum(&products()))
}

/// The Euclidean norm: the root of the sum of squares; 0.0 for an empty list.
pub fn norm(a: &[f64]) -> f64 {
    sum(&a.iter().map(|number| number * number).collect::<Vec<_>>()).sqrt()
}

/// The cosine of the angle between two lists, from -1.0 to 1.0; none where the lengths differ or a list has the norm 0.
pub fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    let norms = norm(a) * norm(b);
    let cosine = dot(a, b)? / norms;
    (norms != 0.0).then(|| crate::numeric::clip(cosine, -1.0, 1.0))
}

/// The list scaled to the norm 1; as it is where its norm is 0.
pub fn normalized(a: &[f64]) -> Vec<f64> {
    let norm = norm(a);
    a.iter().map(|number| if norm == 0.0 { *number } else { number / norm }).collect()
}

/// The Euclidean distance; 0.0 for empty lists; none where the lengths differ.
pub fn distance(a: &[f64], b: &[f64]) -> Option<f64> {
    let differences = || a.iter().zip(b).map(|(left, right)| left - right).collect::<Vec<_>>();
    (a.len() == b.len()).then(|| norm(&differences()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_products() {
        assert_eq!((dot(&[1.0, 2.0], &[3.0, 4.0]), norm(&[3.0, 4.0])), (Some(11.0), 5.0));
        assert_eq!((cosine(&[1.0, 0.0], &[0.0, 2.0]), cosine(&[3.0, 4.0], &[-6.0, -8.0])), (Some(0.0), Some(-1.0)));
        assert_eq!((normalized(&[3.0, 4.0]), distance(&[1.0, 1.0], &[4.0, 5.0])), (vec![0.6, 0.8], Some(5.0)));
        // What cancels is not lost.
        assert_eq!(dot(&[1e20, 1.0, -1e20], &[1.0, 1.0, 1.0]), Some(1.0));
    }

    #[test]
    fn what_has_no_answer() {
        assert_eq!((dot(&[1.0], &[]), cosine(&[1.0], &[1.0, 2.0]), distance(&[], &[1.0])), (None, None, None));
        assert_eq!((cosine(&[0.0], &[1.0]), cosine(&[], &[])), (None, None));
        assert_eq!((dot(&[], &[]), norm(&[]), normalized(&[0.0])), (Some(0.0), 0.0, vec![0.0]));
    }
}
