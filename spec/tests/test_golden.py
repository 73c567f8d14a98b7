"""Golden proofs are accepted, and nothing in them can be changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from golden_files import CLEAR, FOREST, HIDDEN, NAMES, SEGMENTS, golden, refusal, refusal_with_same_challenges
from manifest import IN_CLEAR, MASKS, REFUSALS, RENEWAL, TENSORS, WORK

from veritorch_spec import __main__ as command
from veritorch_spec import renewal, segments
from veritorch_spec.errors import BadKey, Refused
from veritorch_spec.key import PROOF, VERIFIER_KEY, Proof, VerifyingKey, assemble, read_chain, sections
from veritorch_spec.postcard import Reader
from veritorch_spec.renewal import Renewal
from veritorch_spec.transcript import Transcript
from veritorch_spec.verify import verify


@pytest.mark.parametrize("name", NAMES)
def test_golden_proofs_are_accepted(name):
    own = golden(name)
    assert own.verified.bits >= own.key.target_bits


@pytest.mark.parametrize("name", NAMES)
def test_every_message_is_in_the_manifest(name):
    expected = set(REFUSALS) - MASKS if name == CLEAR else set(REFUSALS)
    if name == FOREST:
        expected = expected - {"contractions", "operand values"} | set(TENSORS)
    assert {span.label for span in golden(name).spans} - {"points", "point values"} == expected - {"points", "point values"}


@pytest.mark.parametrize("label", REFUSALS)
def test_changed_messages_are_refused(label):
    """The lowest bit of the last message of each label."""
    own = golden("mlp")
    span = [span for span in own.spans if span.label == label][-1]
    reason = refusal(own.key, own.changed(8 * max(span.end - 8, span.start)))
    assert reason is not None
    if REFUSALS[label] == WORK:
        assert "work" in reason


@pytest.mark.parametrize("label", [label for label in REFUSALS if REFUSALS[label] != WORK])
def test_changed_messages_break_an_equation(label):
    """Were the challenges the same, the equation that is named would notice: in the first message of each label."""
    own = golden(HIDDEN)
    span = next(span for span in own.spans if span.label == label)
    # Rows begin with their length.
    start = span.start + (1 if "query" in label and "rows" in label else 0)
    reason = refusal_with_same_challenges(own, own.changed(8 * start))
    assert reason is not None and any(piece in reason for piece in REFUSALS[label].split("|")), reason


@pytest.mark.parametrize("label", TENSORS)
def test_changed_messages_about_tensors_break_an_equation(label):
    own = golden(FOREST)
    span = next(span for span in own.spans if span.label == label)
    assert refusal(own.key, own.changed(8 * span.start)) is not None
    assert TENSORS[label] in refusal_with_same_challenges(own, own.changed(8 * span.start))


@pytest.mark.parametrize("label", IN_CLEAR)
def test_changed_messages_in_clear_break_an_equation(label):
    own = golden(CLEAR)
    span = next(span for span in own.spans if span.label == label)
    assert refusal_with_same_challenges(own, own.changed(8 * span.start)) == IN_CLEAR[label]


def test_honest_proofs_break_no_equation():
    for name in NAMES:
        assert refusal_with_same_challenges(golden(name), golden(name).proof) is None


def test_truncated_and_extended_proofs_are_refused():
    own = golden("mlp")
    data = own.proof.transcript
    ends = {span.end for span in own.spans} - {len(data)}
    for end in [0, 1, *sorted(ends)[:: len(ends) // 8], len(data) - 1]:
        assert refusal(own.key, replace(own.proof, transcript=data[:end]))
    assert refusal(own.key, replace(own.proof, transcript=data + b"\0")) == "1 bytes follow the last message"


def test_elements_have_one_encoding():
    own = golden("mlp")
    modulus = 2**64 - 2**32 + 1
    for label in ("lookup columns", "opening tail", "combination opening: final polynomial", "witness columns: cells"):
        span = next(span for span in own.spans if span.label == label)
        data = own.proof.transcript
        for value in (modulus, 2**64 - 1):
            changed = data[: span.start] + value.to_bytes(8, "little") + data[span.start + 8 :]
            reason = refusal(own.key, replace(own.proof, transcript=changed))
            assert reason is not None and "canonical" in reason, (label, reason)


def test_changed_statements_are_refused():
    own = golden("mlp")
    statement = own.proof.statement
    other = [list(entries) for entries in statement.outputs]
    other[0][1] += 1
    for changed in (
        replace(statement, outputs=other),
        replace(statement, outputs=[]),
        replace(statement, outputs=[statement.outputs[0][:-1]]),
        replace(statement, outputs=[[2**40, *statement.outputs[0][1:]]]),
        replace(statement, inputs=[[0] * 6]),
        replace(statement, batch=0),
        replace(statement, batch=2),
        replace(statement, batch=1 << 21),
    ):
        assert refusal(own.key, replace(own.proof, statement=changed))
    own = golden("mixed")
    other = [list(entries) for entries in own.proof.statement.inputs]
    other[0][5] ^= 1
    changed = replace(own.proof, statement=replace(own.proof.statement, inputs=other))
    assert refusal(own.key, changed)


def test_changed_notes_are_refused():
    own = golden("mlp")
    origin = own.proof.origin
    for changed in (
        replace(origin, model="other"),
        replace(origin, circuit_digest=bytes(32)),
        replace(origin, model_identity=bytes(32)),
        replace(origin, profile=1),
        replace(origin, policy=replace(origin.policy, public_input=True)),
        replace(origin, shown=[[], []]),
        replace(origin, security=origin.security[:-1]),
        replace(origin, security=[*origin.security[:-1], ("", 1280)]),
        replace(origin, sizes=origin.sizes[1:]),
    ):
        assert refusal(own.key, replace(own.proof, origin=changed)), changed


def test_proofs_for_other_keys_are_refused():
    for name in NAMES:
        for other in NAMES:
            if name != other:
                assert refusal(golden(name).key, golden(other).proof) == "the proof is for another circuit"
    own = golden("mlp")
    # Another model, and the proof's note says so: only the transcript can tell.
    body, *_ = sections(own.key_bytes, VERIFIER_KEY)
    changed = bytearray(body)
    changed[-4] ^= 1
    key = VerifyingKey.parse(assemble(VERIFIER_KEY, [bytes(changed)]))
    reason = refusal(key, own.proof)
    assert reason == "the proof is for another model commitment"
    identity = key.layout.identity(key.model_root)
    assert refusal(key, replace(own.proof, origin=replace(own.proof.origin, model_identity=identity)))


def test_files_that_are_damaged_are_refused():
    own = golden("mlp")
    for data, parse in ((own.key_bytes, VerifyingKey.parse), (own.proof_bytes, Proof.parse)):
        for at in (0, 8, 10, 11, 12, 20, 60, 92, 200, len(data) - 1):
            changed = bytearray(data)
            changed[at] ^= 1
            with pytest.raises((Refused, BadKey)):
                parse(bytes(changed))
            with pytest.raises((Refused, BadKey)):
                parse(data[:at])
    # A longer encoding of the same number, with checksums that are right.
    note, body = sections(own.proof_bytes, PROOF)
    assert body[0] == own.proof.statement.batch
    with pytest.raises(Refused, match="longer than it has to be"):
        Proof.parse(assemble(PROOF, [note, bytes([body[0] | 0x80, 0]) + body[1:]]))
    with pytest.raises(Refused, match="too many"):
        Proof.parse(assemble(PROOF, [note, body + b"\0"]))


def test_weights_are_masked_exactly_if_they_are_private():
    for name, lifetime in ((HIDDEN, 0), (CLEAR, 64)):
        body, *_ = sections(golden(name).key_bytes, VERIFIER_KEY)
        # An empty list of segments stands behind it.
        assert body[-2:] == bytes([golden(name).key.lifetime, 0])
        with pytest.raises(BadKey, match="masked"):
            VerifyingKey.parse(assemble(VERIFIER_KEY, [body[:-2] + bytes([lifetime, 0])]))


def test_the_command_says_what_it_found(tmp_path, capsys):
    own = golden("mlp")
    key, proof, bad = tmp_path / "k.vk", tmp_path / "p.proof", tmp_path / "bad.proof"
    key.write_bytes(own.key_bytes)
    proof.write_bytes(own.proof_bytes)
    bad.write_bytes(own.proof_bytes[:-1])
    assert command.main([str(key), str(proof)]) == 0
    assert capsys.readouterr().out.startswith("valid: 101.")
    assert command.main([str(key), str(bad)]) == 1
    assert command.main([str(proof), str(proof)]) == 2
    assert command.main([str(key)]) == 2
    assert command.main([str(key), str(tmp_path / "none")]) == 2
    assert verify(own.key, own.proof).bits == own.verified.bits


def test_renewals_are_checked():
    own = golden(HIDDEN)
    body, chain = sections(own.key_bytes, VERIFIER_KEY)
    assert own.verified.terms[-1][0] == "model: 1 renewal"
    assert own.key.identity == own.key.layout.identity(chain[1:33]) != own.key.layout.identity(own.key.model_root)

    def broken(sections_: list[bytes]) -> str:
        with pytest.raises(BadKey) as error:
            VerifyingKey.parse(assemble(VERIFIER_KEY, sections_))
        return str(error.value)

    # Either root, and the proof from its first byte to its last.
    for at, reason in ((1, "renewal 1"), (40, "renewal 1"), (len(chain) // 2, "renewal 1"), (len(chain) - 1, "renewal 1")):
        changed = bytearray(chain)
        changed[at] ^= 1
        assert reason in broken([body, bytes(changed)])
    changed = bytearray(body)
    changed[-4] ^= 1
    assert "renewal 1" in broken([bytes(changed), chain])
    assert "renewal 1: 1 bytes follow" in broken([body, lengthened(chain)])
    assert "empty" in broken([body, b"\0"])
    assert "too many" in broken([body, chain + b"\0"])
    # Without its chain it is the key of another model, and masks are nothing to renew where there are none.
    key = VerifyingKey.parse(assemble(VERIFIER_KEY, [body]))
    assert refusal(key, own.proof) == "the proof is for another model commitment"
    (clear,) = sections(golden(CLEAR).key_bytes, VERIFIER_KEY)
    assert "nothing masks" in broken([clear, chain])


def lengthened(chain: bytes) -> bytes:
    """One byte more in the proof of the only link."""
    head, reader = chain[:33], Reader(chain[33:])
    proof = reader.raw()
    length = len(proof) + 1
    encoded = bytearray()
    while length > 127:
        encoded.append(length & 127 | 128)
        length >>= 7
    return head + bytes([*encoded, length]) + proof + b"\0"


def test_changed_messages_of_a_renewal_are_refused(monkeypatch):
    own = golden(HIDDEN)
    _, chain = sections(own.key_bytes, VERIFIER_KEY)
    ((old, proof),) = read_chain(chain)
    key = own.key
    scheme = Renewal.of(key.layout, key.level)
    kept = []
    monkeypatch.setattr(renewal, "Transcript", lambda *arguments: kept.append(Transcript(*arguments)) or kept[-1])
    scheme.verify(old, key.model_root, proof)
    spans = [span for span in kept[0].spans if span.end > span.start]
    labels = {span.label for span in spans}
    assert {label for label in labels - set(REFUSALS)} == RENEWAL
    for label in RENEWAL:
        span = next(span for span in spans if span.label == label)
        changed = bytearray(proof)
        changed[span.start] ^= 1
        with pytest.raises(Refused):
            scheme.verify(old, key.model_root, bytes(changed))
    for roots in ((key.model_root, old), (old, old), (key.model_root, key.model_root)):
        with pytest.raises(Refused):
            scheme.verify(*roots, proof)


def framed(own, frames):
    """A proof of these roots and transcripts."""
    sent = b"".join(b"".join(roots) + len(part).to_bytes(8, "little") + part for roots, part in frames)
    return replace(own.proof, transcript=sent)


def test_segments_are_circuits_of_one_proof():
    own = golden(SEGMENTS)
    assert own.verified.bits >= own.key.target_bits
    assert len(own.key.parts) > 1
    assert [name for name, _ in own.verified.terms].count("boundaries") == 1
    # Tensors of more than 16 bits cross a cut, and one tensor crosses two.
    assert any("import" in tensor.name for key, _ in own.key.parts for tensor in key.circuit.tensors)
    sources = [source for _, part in own.key.parts for source in part.imports]
    assert len(sources) > len(set(sources))


def test_segments_that_are_changed_are_refused():
    own = golden(SEGMENTS)
    counts = [len(part.circuit.outputs) for _, part in own.key.parts[:-1]] + [0]
    frames = segments.frames(own.proof.transcript, counts, Refused)
    assert framed(own, frames) == own.proof
    for number, (roots, part) in enumerate(frames):
        changed = bytearray(part)
        changed[len(part) // 2] ^= 1
        touched = framed(own, [*frames[:number], (roots, bytes(changed)), *frames[number + 1 :]])
        assert f"segment {number + 1}: " in refusal(own.key, touched)
        for position in range(len(roots)):
            others = [bytes(32) if at == position else root for at, root in enumerate(roots)]
            touched = framed(own, [*frames[:number], (others, part), *frames[number + 1 :]])
            assert f"segment {number + 1}: " in refusal(own.key, touched)
    sent = own.proof.transcript
    assert "follow the last" in refusal(own.key, replace(own.proof, transcript=sent + b"\0"))
    assert "ends within" in refusal(own.key, replace(own.proof, transcript=sent[:-1]))
    # One segment's part is not another's.
    swapped = [(frames[0][0], frames[1][1]), (frames[1][0], frames[0][1]), *frames[2:]]
    assert "segment 1: " in refusal(own.key, framed(own, swapped))


def test_keys_with_other_segments_are_refused():
    own = golden(SEGMENTS)
    (body,) = sections(own.key_bytes, VERIFIER_KEY)
    for at in range(1, 40):
        changed = bytearray(body)
        changed[-at] ^= 1
        with pytest.raises(BadKey):
            VerifyingKey.parse(assemble(VERIFIER_KEY, [bytes(changed)]))
