//! Non-linear operators as hints with their constraints: one file per gadget.
