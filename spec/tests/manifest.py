"""Every message of a proof by its label, with what notices a flipped bit in it if the challenges stay the same.

A test fails when a golden proof has a message that is not listed here.
"""

# Everything that is linear in what is committed ends in one equation on the combined row.
ROW = "check `combination sumcheck`"
LAST = "WHIR: the last claim"
POLYNOMIAL = "WHIR: a row is not that of the final polynomial"
PATHS = "WHIR: paths do not lead to the root|WHIR: one position, two rows"
MODEL = "`model columns`: paths do not lead to the root"
WITNESS = "`witness columns`: paths do not lead to the root"
COMBINATION = "`combination columns`: paths do not lead to the root"
# Only another challenge notices that less work was done.
WORK = ""

# Where nothing is hidden an equation of the circuit notices at once.
IN_CLEAR = {
    "lookup root": "check `lookup root`",
    "lookup round": "check `lookup halves`",
    "lookup halves": "check `lookup halves`",
    "lookup columns": "check `lookup denominators`",
    "lookup multiplicities": "check `lookup numerators`",
    "points": "check `points`",
    "point values": "check `points`",
    "contractions": "check `contractions`",
    "operand values": "check `contractions`",
}
# Messages of proofs that hide something alone.
MASKS = {"products: rounds", "products: ends", "mask sum", "opening tail"}

REFUSALS = {
    "witness root": WITNESS,
    "lookup root": ROW,
    "lookup round": ROW,
    "lookup halves": ROW,
    "lookup columns": ROW,
    "lookup multiplicities": ROW,
    "points": ROW,
    "point values": ROW,
    "linear terms": ROW,
    "contractions": ROW,
    "operand values": ROW,
    "model sumcheck": ROW,
    "model proximity": ROW,
    "combination root": COMBINATION,
    "model columns": "another length",
    "model columns: work": WORK,
    "model columns: cells": MODEL,
    "model columns: nodes": MODEL,
    "products: rounds": ROW,
    "products: ends": ROW,
    "mask sum": ROW,
    "opening sumcheck": ROW,
    "opening proximity": ROW,
    "opening combination": PATHS,
    "opening combination: work": WORK,
    "opening tail": ROW,
    "witness columns": "another length",
    "witness columns: cells": WITNESS,
    "witness columns: nodes": WITNESS,
    "combination columns": "another length",
    "combination columns: cells": COMBINATION,
    "combination columns: nodes": COMBINATION,
    "combination sumcheck": ROW,
    "combination value": ROW,
    "combination opening": "need|too many|proof ends",
    "combination opening: fold 0": LAST,
    "combination opening: fold 1": LAST,
    "combination opening: fold 2": LAST,
    "combination opening: root 1": PATHS,
    "combination opening: root 2": PATHS,
    "combination opening: query work 0": WORK,
    "combination opening: query work 1": WORK,
    "combination opening: query work 2": WORK,
    "combination opening: query 0 rows": PATHS,
    "combination opening: query 1 rows": PATHS,
    "combination opening: query 2 rows": PATHS,
    "combination opening: query 0 nodes": PATHS,
    "combination opening: query 1 nodes": PATHS,
    "combination opening: query 2 nodes": PATHS,
    "combination opening: final polynomial": POLYNOMIAL,
    "combination opening: final fold": LAST,
    "combination opening: evaluation": LAST,
}

# Messages of proofs that look up in tensors.
TENSORS = {"lookup entries": ROW}

# Messages of renewals beside those of their opening.
RENEWAL = {
    "renewal combinations",
    "renewal combinations: work",
    "old columns",
    "old columns: cells",
    "old columns: nodes",
    "new columns",
    "new columns: cells",
    "new columns: nodes",
}
