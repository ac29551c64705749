//! The graph of views: which view reads the features of which, in what order they can be evaluated, and where it goes round.

use std::collections::VecDeque;

use super::{UnknownName, View};

/// The position of the view of this name and version; without a version, of its highest.
pub(super) fn find(views: &[View], name: &str, version: Option<u32>) -> Result<usize, UnknownName> {
    let named = views.iter().enumerate().filter(|(_, view)| view.name == name);
    let found = match version {
        Some(version) => named.clone().find(|(_, view)| view.version == version),
        None => named.clone().max_by_key(|(_, view)| view.version),
    };
    if let Some((at, _)) = found {
        return Ok(at);
    }
    let versions: Vec<String> = named.map(|(_, view)| view.label()).collect();
    match (version, versions.is_empty()) {
        (Some(version), false) => Err(UnknownName::new("view", &format!("{name}@v{version}"), versions)),
        _ => Err(UnknownName::new("view", name, views.iter().map(|view| &view.name))),
    }
}

/// An order of the nodes in which each comes after those in its `inputs`, or else the nodes of one cycle: each has the
/// next among its inputs, and the last has the first.
pub(super) fn order(inputs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut missing: Vec<usize> = inputs.iter().map(Vec::len).collect();
    let mut readers = vec![Vec::new(); inputs.len()];
    for (node, inputs) in inputs.iter().enumerate() {
        for &input in inputs {
            readers[input].push(node);
        }
    }
    let mut ready: VecDeque<usize> = (0..inputs.len()).filter(|node| missing[*node] == 0).collect();
    let mut order = Vec::with_capacity(inputs.len());
    while let Some(node) = ready.pop_front() {
        order.push(node);
        for &reader in &readers[node] {
            missing[reader] -= 1;
            if missing[reader] == 0 {
                ready.push_back(reader);
            }
        }
    }
    match (0..inputs.len()).find(|node| missing[*node] > 0) {
        None => Ok(order),
        Some(stuck) => Err(cycle_from(stuck, inputs, &missing)),
    }
}

/// Walks from a node that is never ready to inputs that are never ready, until one comes again.
fn cycle_from(start: usize, inputs: &[Vec<usize>], missing: &[usize]) -> Vec<usize> {
    let mut path = vec![start];
    let mut node = start;
    while let Some(next) = inputs[node].iter().copied().find(|input| missing[*input] > 0) {
        if let Some(first) = path.iter().position(|seen| *seen == next) {
            return path.split_off(first);
        }
        path.push(next);
        node = next;
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::order;

    #[test]
    fn inputs_come_first_and_cycles_are_named() {
        assert_eq!(order(&[vec![1, 2], vec![2], vec![]]), Ok(vec![2, 1, 0]));
        assert_eq!(order(&[vec![0]]), Err(vec![0]));
        assert_eq!(order(&[vec![1], vec![2], vec![3], vec![1]]), Err(vec![1, 2, 3]));
        assert_eq!(order(&[]), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn the_answer_proves_itself(inputs in proptest::collection::vec(proptest::collection::vec(0usize..6, 0..3), 6)) {
            match order(&inputs) {
                Ok(order) => {
                    prop_assert_eq!(order.len(), inputs.len());
                    for (at, node) in order.iter().enumerate() {
                        prop_assert!(inputs[*node].iter().all(|input| order[..at].contains(input)));
                    }
                }
                Err(cycle) => {
                    for (at, node) in cycle.iter().enumerate() {
                        prop_assert!(inputs[*node].contains(&cycle[(at + 1) % cycle.len()]));
                    }
                }
            }
        }
    }
}
