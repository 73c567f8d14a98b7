//! Openings of a model commitment are counted before anything is revealed.
//!
//! Whatever shows columns of a committed model takes a [`Reservation`], and there is none without asking who counts.

use std::error::Error;
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use super::layout::ModelLayout;

/// Who counts the openings of one committed model.
pub trait Openings: Sync {
    /// Takes one opening. When this returns it is counted for good: no other proof gets it, whether this one ends well or not.
    ///
    /// # Errors
    /// If none is left, or it could not be counted.
    fn reserve(&self) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// The right to show columns of a committed model once.
#[derive(Debug)]
#[must_use = "an opening that was counted is lost if it is not used"]
pub struct Reservation(());

impl Reservation {
    /// Takes an opening of a model with this layout. Without masks there is nothing to count.
    ///
    /// # Errors
    /// Those of [`Openings::reserve`].
    pub fn take(layout: &ModelLayout, openings: &dyn Openings) -> Result<Self, Box<dyn Error + Send + Sync>> {
        if layout.num_masks() > 0 {
            openings.reserve()?;
        }
        Ok(Self(()))
    }
}

/// Counts in memory, for a commitment that lives no longer than this process.
#[derive(Debug)]
pub struct InMemory {
    left: Mutex<usize>,
}

/// All openings that a commitment covers are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no opening of the model commitment is left")]
pub struct UsedUp;

impl InMemory {
    /// As many openings as this.
    #[must_use]
    pub fn new(openings: usize) -> Self {
        Self { left: Mutex::new(openings) }
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Openings for InMemory {
    fn reserve(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.checked_sub(1).ok_or(UsedUp)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use veritorch_graph::circuit::ParamInfo;

    use super::*;
    use crate::security::SecurityLevel;

    #[test]
    fn openings_end_where_the_masks_do() {
        let params = [ParamInfo { name: String::new(), shape: [1, 3, 5], num_planes: 1 }];
        let openings = InMemory::new(2);
        let masked = ModelLayout::new(&params, 2, SecurityLevel::default()).unwrap();
        for left in [1, 0] {
            let _ = Reservation::take(&masked, &openings).unwrap();
            assert_eq!(openings.left(), left);
        }
        let error = Reservation::take(&masked, &openings).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&UsedUp));
        let _ = Reservation::take(&ModelLayout::new(&params, 0, SecurityLevel::default()).unwrap(), &openings).unwrap();
    }
}
