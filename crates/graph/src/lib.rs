//! The two graphs of veritorch.
//!
//! * [`model`]: what an importer produces: a float graph of about twenty operators with static shapes.
//! * [`circuit`]: the integer graph. It *is* the definition of the computation: its executor is exact,
//!   its digest names it, and the proof says that its constraints hold.
//! * [`gadgets`]: the only places where a circuit gets tensors that the prover chooses (hints); each
//!   gadget adds the hints together with the constraints that leave one answer for each input.
//! * [`segments`]: a circuit cut into parts that are proved one by one.

pub mod circuit;
pub mod gadgets;
pub mod model;
pub mod segments;
