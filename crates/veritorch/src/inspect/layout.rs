//! Places the nodes of a directed acyclic graph in layers [Sugiyama, Tagawa, Toda 1981].
//!
//! The layer is the longest path from a source; edges over several layers run through dummies; the order within a layer
//! follows the mean position of the neighbours, in sweeps down and up; positions are those nearest to the neighbours' mean
//! that keep order and distance (isotonic regression by pooling adjacent violators).

/// Where nodes and edges lie. Layers are numbered from 0, positions are in units of the caller's widths.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    /// Layer and centre of each node.
    pub(super) nodes: Vec<(usize, f64)>,
    /// For each edge `(from, to)`: the centres in every layer from the source's to the target's.
    pub(super) edges: Vec<Route>,
    /// Number of layers.
    pub(super) layers: usize,
    /// Least left and greatest right end.
    pub(super) extent: (f64, f64),
}

/// An edge with the positions it passes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Route {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) centres: Vec<f64>,
}

const SWEEPS: usize = 12;

/// Lays out a graph; `reads[v]` lists the nodes that `v` reads, all with smaller layers (the graph has no cycle).
/// `width` is that of a node, `dummy` that of a passing edge, gaps included.
pub(super) fn layout(reads: &[Vec<usize>], width: f64, dummy: f64) -> Layout {
    let layer = layers(reads);
    let num_layers = layer.iter().max().map_or(0, |&last| last + 1);
    let mut items: Vec<Item> = layer.iter().map(|&layer| Item { layer, width, up: vec![], down: vec![] }).collect();
    let mut chains = Vec::new();
    for (to, sources) in reads.iter().enumerate() {
        for &from in sources {
            let mut chain = vec![from];
            for passed in layer[from] + 1..layer[to] {
                items.push(Item { layer: passed, width: dummy, up: vec![], down: vec![] });
                chain.push(items.len() - 1);
            }
            chain.push(to);
            for pair in chain.windows(2) {
                items[pair[0]].down.push(pair[1]);
                items[pair[1]].up.push(pair[0]);
            }
            chains.push((from, to, chain));
        }
    }
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); num_layers];
    for (index, item) in items.iter().enumerate() {
        rows[item.layer].push(index);
    }
    let mut centre = vec![0.0; items.len()];
    for row in &rows {
        spread(row, &items, &vec![0.0; row.len()], &mut centre);
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let order: Vec<usize> = if down { (0..num_layers).collect() } else { (0..num_layers).rev().collect() };
        for at in order {
            let wanted = |index: usize, centre: &[f64]| {
                let both = sweep >= SWEEPS / 2;
                let up = items[index].up.iter().filter(|_| both || down);
                let next = items[index].down.iter().filter(|_| both || !down);
                let (sum, count) = up.chain(next).fold((0.0, 0.0), |(sum, count), &other| (sum + centre[other], count + 1.0));
                if count > 0.0 { sum / count } else { centre[index] }
            };
            let mut row: Vec<(f64, usize)> = rows[at].iter().map(|&index| (wanted(index, &centre), index)).collect();
            row.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[at] = row.iter().map(|(_, index)| *index).collect();
            let targets: Vec<f64> = row.iter().map(|(target, _)| *target).collect();
            spread(&rows[at], &items, &targets, &mut centre);
        }
    }
    let ends = items.iter().zip(&centre).map(|(item, x)| (x - item.width / 2.0, x + item.width / 2.0));
    let extent = ends.fold((0.0f64, 0.0f64), |(left, right), (a, b)| (left.min(a), right.max(b)));
    Layout {
        nodes: (0..reads.len()).map(|index| (layer[index], centre[index])).collect(),
        edges: chains
            .into_iter()
            .map(|(from, to, chain)| Route { from, to, centres: chain.into_iter().map(|index| centre[index]).collect() })
            .collect(),
        layers: num_layers,
        extent,
    }
}

struct Item {
    layer: usize,
    width: f64,
    up: Vec<usize>,
    down: Vec<usize>,
}

/// Longest path from a source; a node's operands may stand anywhere in the list.
fn layers(reads: &[Vec<usize>]) -> Vec<usize> {
    let mut layer = vec![0usize; reads.len()];
    for _ in 0..reads.len() {
        let mut changed = false;
        for (to, sources) in reads.iter().enumerate() {
            let next = sources.iter().map(|&from| layer[from] + 1).max().unwrap_or(0);
            changed |= next > layer[to];
            layer[to] = layer[to].max(next);
        }
        if !changed {
            break;
        }
    }
    // A source stands directly above its first reader.
    for index in 0..reads.len() {
        if reads[index].is_empty() {
            let readers = reads.iter().enumerate().filter(|(_, sources)| sources.contains(&index));
            if let Some(first) = readers.map(|(to, _)| layer[to]).min() {
                layer[index] = first.saturating_sub(1);
            }
        }
    }
    layer
}

/// Least-squares positions near the targets that keep the order and the widths.
fn spread(row: &[usize], items: &[Item], targets: &[f64], centre: &mut [f64]) {
    // offset[i]: distance of item i from item 0 when packed
    let mut offset = Vec::with_capacity(row.len());
    let mut at = 0.0;
    for (k, &index) in row.iter().enumerate() {
        if k > 0 {
            at += (items[row[k - 1]].width + items[index].width) / 2.0;
        }
        offset.push(at);
    }
    // pools of (sum, count) whose means must not decrease
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (target, offset) in targets.iter().zip(&offset) {
        let mut pool = (target - offset, 1);
        while let Some(&(sum, count)) = pools.last() {
            if sum / count as f64 <= pool.0 / pool.1 as f64 {
                break;
            }
            pool = (pool.0 + sum, pool.1 + count);
            pools.pop();
        }
        pools.push(pool);
    }
    let mut next = 0;
    for (sum, count) in pools {
        for _ in 0..count {
            centre[row[next]] = sum / count as f64 + offset[next];
            next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_a_straight_line() {
        let layout = layout(&[vec![], vec![0], vec![1], vec![2]], 10.0, 2.0);
        assert_eq!(layout.layers, 4);
        let centres: Vec<f64> = layout.nodes.iter().map(|(_, x)| *x).collect();
        assert!(centres.iter().all(|x| (x - centres[0]).abs() < 1e-9));
    }

    #[test]
    fn skips_pass_beside_the_nodes() {
        // 0 -> 1 -> 2 -> 3 and 0 -> 3
        let layout = layout(&[vec![], vec![0], vec![1], vec![2, 0]], 10.0, 2.0);
        let skip = layout.edges.iter().find(|route| (route.from, route.to) == (0, 3)).unwrap();
        assert_eq!(skip.centres.len(), 4);
        for passed in 1..3 {
            let node = layout.nodes.iter().find(|(layer, _)| *layer == passed).unwrap().1;
            assert!((skip.centres[passed] - node).abs() >= 6.0 - 1e-9);
        }
    }

    #[test]
    fn nothing_overlaps_in_a_wide_layer() {
        let mut reads = vec![vec![]];
        reads.extend((0..20).map(|_| vec![0]));
        reads.push((1..=20).collect());
        let layout = layout(&reads, 10.0, 2.0);
        let mut row: Vec<f64> = layout.nodes.iter().filter(|(layer, _)| *layer == 1).map(|(_, x)| *x).collect();
        row.sort_by(f64::total_cmp);
        assert!(row.windows(2).all(|pair| pair[1] - pair[0] >= 10.0 - 1e-9));
        assert!(layout.extent.1 - layout.extent.0 >= 200.0 - 1e-9);
    }

    #[test]
    fn an_empty_graph_has_no_layers() {
        assert_eq!(layout(&[], 1.0, 1.0).layers, 0);
    }
}
