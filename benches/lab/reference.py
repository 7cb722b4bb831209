"""The bare loop: ONNX Runtime in Python, with the settings of the sandbox and nothing around a call.

Reads a question (JSON) from the file that it is given; writes what it measured as JSON.
"""

import json
import os
import resource
import sys
import time

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy  # noqa: E402
import onnxruntime  # noqa: E402

PIECE_ROWS = 1024
TYPES = {"tensor(float)": numpy.float32, "tensor(double)": numpy.float64, "tensor(int64)": numpy.int64,
         "tensor(int32)": numpy.int32, "tensor(string)": object, "tensor(bool)": numpy.bool_}


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def table(bare, question):
    """One array with all rows for each input."""
    arrays = {}
    for port in bare.get_inputs():
        names = question["features"] if len(bare.get_inputs()) == 1 and question["features"] else [port.name]
        kind = TYPES[port.type]
        if port.name in question.get("tensors", {}):
            shape = [1 if not isinstance(n, int) else n for n in port.shape]
            arrays[port.name] = numpy.array(question["tensors"][port.name], dtype=kind).reshape([-1, *shape[1:]])
            continue
        cells = [question["columns"][name] for name in names]
        read = (lambda cell: cell) if kind is object else (lambda cell: kind(cell))
        rows = [[read(cell) for cell in row] for row in zip(*cells)]
        array = numpy.array(rows, dtype=kind)
        arrays[port.name] = array[:, 0] if len(port.shape) == 1 else array
    return arrays


def feeds(arrays, batch, samples):
    """The same requests as the lab makes: consecutive rows, round and round."""
    rows = len(next(iter(arrays.values())))
    columns = sum(int(numpy.prod(a.shape[1:])) for a in arrays.values())
    count = min(max((1 << 20) // (batch * max(columns, 1)), 1), samples, rows)
    made = []
    for place in range(count):
        chosen = [(place * batch + i) % rows for i in range(batch)]
        made.append({name: numpy.ascontiguousarray(array[chosen]) for name, array in arrays.items()})
    return made


def timed(bare, arrays, batch, warm_up, samples):
    """Nanoseconds of each call; inputs are prepared beforehand, answers are dropped outside of the clock."""
    names = [port.name for port in bare.get_outputs()]
    is_plain = all(port.type.startswith("tensor(") and port.type != "tensor(string)" for port in bare.get_outputs())
    no_text = all(port.type != "tensor(string)" for port in bare.get_inputs())
    requests = feeds(arrays, batch, samples)
    if is_plain and no_text:
        # Values in the runtime's own memory: no copy and no wrapping by numpy inside of the clock.
        # The values point into the arrays, which `held` keeps.
        held = [{name: onnxruntime.OrtValue.ortvalue_from_numpy(a) for name, a in feed.items()} for feed in requests]
        inner = bare._sess  # noqa: SLF001
        requests = [{name: value._ortvalue for name, value in feed.items()} for feed in held]  # noqa: SLF001
        run = lambda feed: inner.run_with_ort_values(feed, names, None)  # noqa: E731
    else:
        inner = bare._sess  # noqa: SLF001
        run = lambda feed: inner.run(names, feed, None)  # noqa: E731
    clock, nanos = time.perf_counter_ns, []
    for place in range(warm_up):
        run(requests[place % len(requests)])
    for place in range(samples):
        feed = requests[place % len(requests)]
        begin = clock()
        answers = run(feed)
        nanos.append(clock() - begin)
        del answers
    return nanos


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        question = json.load(file)
    bare = session(question["model"])
    arrays = table(bare, question)
    rows = len(next(iter(arrays.values())))
    # The inferences of a measurement: every row once.
    names = [port.name for port in bare.get_outputs()]
    is_fixed = isinstance(bare.get_inputs()[0].shape[0], int)
    pieces = 1 if is_fixed else PIECE_ROWS
    begin, first = time.perf_counter(), []
    for at in range(0, rows, pieces):
        first.append(bare.run(names, {name: a[at:at + pieces] for name, a in arrays.items()})[0])
    inference_s = time.perf_counter() - begin
    answers = [str(x.item() if hasattr(x, "item") else x) for part in first for x in numpy.asarray(part).reshape(len(part), -1)[:, 0]]
    nanos = [[batch, timed(bare, arrays, batch, warm_up, samples)] for batch, warm_up, samples in question["loads"]]
    print(json.dumps({"runtime": onnxruntime.__version__, "nanos": nanos, "inference_s": inference_s, "answers": answers,
                      "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
