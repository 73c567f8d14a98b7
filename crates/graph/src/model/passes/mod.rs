//! Passes over the model graph: each keeps what the graph computes (up to rounding of folded weights), the names of
//! inputs and outputs, and every remaining node's name and source line.
//!
//! * [`fold_constants`]: what depends on no input is computed;
//! * [`narrow_constants`]: constants that repeat along an axis keep one entry of it, where broadcasting does the rest;
//! * [`share`]: equal nodes and constants become one;
//! * [`recognise`]: normalisations, activations and masks that exporters write as several nodes become one;
//! * [`simplify`]: operators that change nothing go, chains of reshapes and transposes become one;
//! * [`sink_reshapes`]: reshapes move behind elementwise operators, so that those meet the linear layer before them;
//! * [`fold_affine`]: products and sums by constants (a batch normalisation) go into the linear layer before them;
//! * [`remove_dead`]: what no output needs goes.
//!
//! Importers of formats with channels last run [`sink_transposes`] before them.

mod activation;
mod affine;
mod constants;
mod dead;
mod links;
mod mask;
mod narrow;
mod normalization;
mod pattern;
mod recognise;
mod share;
mod simplify;
mod sink;
mod transposes;

pub use affine::fold_affine;
pub use constants::fold_constants;
pub use dead::remove_dead;
pub use narrow::narrow_constants;
pub use recognise::recognise;
pub use share::share;
pub use simplify::simplify;
pub use sink::sink_reshapes;
pub use transposes::sink_transposes;

use super::{ModelError, ModelGraph};

/// Rounds of all passes; networks need three or four.
const MAX_ROUNDS: usize = 16;

/// A pass: true where it changed the graph.
type Pass = fn(&mut ModelGraph) -> Result<bool, ModelError>;

/// Runs all passes until nothing changes. The graph must satisfy [`ModelGraph::check`], and does so afterwards.
///
/// # Errors
/// A graph that breaks a rule of the model graph.
pub fn optimise(graph: &mut ModelGraph) -> Result<(), ModelError> {
    const PASSES: [Pass; 8] = [
        fold_constants,
        simplify,
        narrow_constants,
        share,
        recognise,
        sink_reshapes,
        fold_affine,
        remove_dead,
    ];
    for _ in 0..MAX_ROUNDS {
        let mut changed = false;
        for pass in PASSES {
            changed |= pass(graph)?;
            if cfg!(debug_assertions) {
                graph.check()?;
            }
        }
        if !changed {
            break;
        }
    }
    Ok(())
}
