"""Ctrl-C, threads, the interpreter's lock and progress."""

import _thread
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import veritorch


@pytest.fixture(autouse=True)
def interrupts():
    """Python's own handler, also where the tests run in the background of a shell, which ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_progress_names_the_phases(models, samples, mlp):
    caller = threading.get_ident()
    seen = []

    def progress(phase):
        assert threading.get_ident() == caller
        seen.append(phase)

    veritorch.compile(models / "mlp.onnx", calibration=samples, progress=progress)
    assert "quantise" in seen and len(seen) >= 2
    seen.clear()
    proof = mlp.prove(samples[:1], progress=progress)
    assert set(proof.timings) <= set(seen)


def test_an_exception_of_the_callback_stops_the_call(mlp, samples):
    phases = []

    def progress(phase):
        phases.append(phase)
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        mlp.prove(samples[:1], progress=progress)


def test_a_signal_becomes_a_keyboard_interrupt(mlp, samples):
    with pytest.raises(KeyboardInterrupt):
        mlp.prove(samples[:1], progress=lambda phase: signal.raise_signal(signal.SIGINT))
    veritorch.verify(mlp.verifying_key, mlp.prove(samples[:1]))


def test_an_interrupt_from_another_thread(mnist, digits):
    images = np.concatenate([digits[0]] * 32)
    started = threading.Event()

    def interrupt():
        started.wait()
        _thread.interrupt_main()

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        mnist.prove(images, progress=lambda phase: started.set())
    watcher.join()
    interrupted = time.monotonic() - begin
    begin = time.monotonic()
    mnist.prove(images)
    assert interrupted < 0.9 * (time.monotonic() - begin)


CHILD = """
import signal, sys, numpy as np, veritorch
signal.signal(signal.SIGINT, signal.default_int_handler)
circuit = veritorch.load(sys.argv[1])
x = np.zeros((64, 1, 28, 28), np.float32)
print("ready", flush=True)
while True:
    circuit.prove(x)
"""


def test_ctrl_c_ends_a_process_that_proves(mnist, tmp_path):
    mnist.save(tmp_path / "m.vt")
    command = [sys.executable, "-c", CHILD, str(tmp_path / "m.vt")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    assert errors.strip().endswith("KeyboardInterrupt")
    assert child.returncode == -signal.SIGINT


def test_the_interpreter_runs_meanwhile(mnist, digits):
    images = np.concatenate([digits[0]] * 8)
    ticks = 0
    stop = threading.Event()

    def tick():
        nonlocal ticks
        while not stop.wait(0.001):
            ticks += 1

    watcher = threading.Thread(target=tick)
    watcher.start()
    begin = time.monotonic()
    mnist.prove(images)
    elapsed = time.monotonic() - begin
    stop.set()
    watcher.join()
    assert ticks > 20 * elapsed


def test_calls_from_several_threads(mlp, samples):
    proofs = {}

    def prove(index):
        proofs[index] = mlp.prove(samples[index : index + 1])

    threads = [threading.Thread(target=prove, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(4):
        veritorch.verify(mlp.verifying_key, proofs[index], outputs=mlp.run(samples[index : index + 1]))


def test_the_number_of_threads_changes_nothing(mnist, digits):
    image = digits[0][:1]
    one, two = (mnist.prove(image, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(mnist.run(image, threads=1), mnist.run(image, threads=2))
    for proof in (one, two):
        veritorch.verify(mnist.verifying_key, proof, outputs=mnist.run(image), threads=1)
