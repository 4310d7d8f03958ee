//! The order in which the modules of a call can be loaded.

use std::collections::BTreeSet;

/// What a module needs of another one of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    /// The number of the other module.
    pub(super) to: usize,
    /// Whether the module does not load without it: a symbol that it uses is not weak.
    pub(super) is_strong: bool,
}

/// After those that they need. What only weak symbols need may come later. Modules that need each other,
/// and those that need them, come last.
pub(super) fn order(needs: &[Vec<Edge>]) -> Vec<usize> {
    let mut users: Vec<Vec<Edge>> = vec![Vec::new(); needs.len()];
    for (user, edges) in needs.iter().enumerate() {
        for edge in edges {
            users[edge.to].push(Edge { to: user, ..*edge });
        }
    }
    let count = |edges: &Vec<Edge>| {
        let strong = edges.iter().filter(|edge| edge.is_strong).count();
        (strong, edges.len() - strong)
    };
    let mut left: Vec<(usize, usize)> = needs.iter().map(count).collect();
    // The first of the set is the next: its strong needs and its weak needs are counted.
    let rank = |(strong, weak): (usize, usize)| (strong > 0, weak > 0);
    let mut waiting: BTreeSet<((bool, bool), usize)> = left
        .iter()
        .enumerate()
        .map(|(number, left)| (rank(*left), number))
        .collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some((_, next)) = waiting.pop_first() {
        order.push(next);
        for user in &users[next] {
            let before = (rank(left[user.to]), user.to);
            match user.is_strong {
                true => left[user.to].0 -= 1,
                false => left[user.to].1 -= 1,
            }
            if waiting.remove(&before) {
                waiting.insert((rank(left[user.to]), user.to));
            }
        }
    }
    order
}

/// Whether a module needs another one, on any way.
pub(super) fn reaches(needs: &[Vec<Edge>], from: usize, to: usize) -> bool {
    let mut seen = vec![false; needs.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            let strong = needs[at].iter().filter(|edge| edge.is_strong);
            open.extend(strong.map(|edge| edge.to));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn strong(to: usize) -> Edge {
        Edge {
            to,
            is_strong: true,
        }
    }

    const fn weak(to: usize) -> Edge {
        Edge {
            to,
            is_strong: false,
        }
    }

    #[test]
    fn a_weak_need_gives_way_and_a_circle_comes_last() {
        let chain = [vec![strong(1)], vec![weak(2)], vec![]];
        assert_eq!(order(&chain), [2, 1, 0]);
        let weak_circle = [vec![strong(1)], vec![weak(0)]];
        assert_eq!(order(&weak_circle), [1, 0]);
        let circle = [vec![strong(1)], vec![strong(0)], vec![strong(0)], vec![]];
        assert_eq!(order(&circle)[0], 3);
        assert!(reaches(&circle, 0, 1) && reaches(&circle, 2, 0));
        assert!(!reaches(&circle, 0, 2) && !reaches(&weak_circle, 1, 0));
    }
}
