"""Every message of a proof by its label, with what refuses a proof in which a bit of it is flipped.

A test fails when a golden proof has a message that is not listed here.
"""

WORK = "WHIR: work of a query"
PATHS = "WHIR: paths do not lead to the root|another number|one position, two rows|too many nodes"

# Label, then pieces of refusals, any of which is right.
REFUSALS = {
    "witness root": "check `lookup",
    "lookup root": "check `lookup root`|is not canonical",
    "lookup round": "check `lookup halves`|is not canonical",
    "lookup halves": "check `lookup halves`|is not canonical",
    "lookup columns": "check `lookup denominators`|is not canonical",
    "lookup multiplicities": "check `lookup numerators`|is not canonical",
    "points": "check `points`|is not canonical",
    "point values": "check `points`|is not canonical",
    "linear terms": "check `points`|check `contractions`|check `model sumcheck`|check `witness sumcheck`|is not canonical",
    "contractions": "check `contractions`|is not canonical",
    "operand values": "check `contractions`|is not canonical",
    "model sumcheck": "check `model sumcheck`|is not canonical",
    "model evaluations": "check `model sumcheck`|proof of work for `model columns`|is not canonical",
    "model combination": "proof of work for `model columns`",
    "model columns": "proof of work|another length|proof ends",
    "model columns: cells": "paths do not lead to the root|is not canonical",
    "model columns: nodes": "paths do not lead to the root",
    "witness sumcheck": "check `witness sumcheck`|is not canonical",
    "witness value": "check `witness sumcheck`|is not canonical",
    "witness opening": "proof ends|bytes needed|bytes too many",
    "witness opening: fold 0": WORK,
    "witness opening: fold 1": WORK,
    "witness opening: fold 2": WORK,
    "witness opening: fold 3": WORK,
    "witness opening: root 1": WORK,
    "witness opening: root 2": WORK,
    "witness opening: root 3": WORK,
    "witness opening: query work 0": WORK,
    "witness opening: query work 1": WORK,
    "witness opening: query work 2": WORK,
    "witness opening: query work 3": WORK,
    "witness opening: query 0 rows": PATHS,
    "witness opening: query 1 rows": PATHS,
    "witness opening: query 2 rows": PATHS,
    "witness opening: query 3 rows": PATHS,
    "witness opening: query 0 nodes": PATHS,
    "witness opening: query 1 nodes": PATHS,
    "witness opening: query 2 nodes": PATHS,
    "witness opening: query 3 nodes": PATHS,
    "witness opening: final polynomial": WORK,
    "witness opening: final fold": "WHIR: the last claim",
    "witness opening: evaluation": WORK,
}
# In the part of WHIR a flipped high bit can also make an element that is not canonical.
NOT_CANONICAL = "not canonical"
