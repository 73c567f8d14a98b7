"""A second verifier of veritorch's proofs, written to docs/protocol.md and docs/format.md: slow, simple, and with no code in
common with the first."""
