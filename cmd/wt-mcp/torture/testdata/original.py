"""Behaves like the program whose files wt-mcp continues: no lock, files
rewritten in place, events appended without a number. Ends with its stdin."""
import json, pathlib, random, select, sys, time

root = pathlib.Path(sys.argv[1])
rng = random.Random(int(sys.argv[2]))
tasks, index, events = root / ".tasks", root / ".worktrees/index.json", root / ".worktrees/events.jsonl"
did = {"tasks": 0, "index": 0, "events": 0, "torn": 0}


def load(path):
    try:
        return json.loads(path.read_text())
    except ValueError:
        did["torn"] += 1  # its own fault or ours: the test reads the count
        return None


def touch_task():
    path = tasks / f"task_{rng.randint(1, 3)}.json"
    task = load(path)
    if task is not None:
        task["x_original"] = did["tasks"] = did["tasks"] + 1
        path.write_text(json.dumps(task, indent=2))


def touch_index():
    registry = load(index)
    if registry is not None:
        registry["x_original"] = did["index"] = did["index"] + 1
        for entry in registry["worktrees"]:
            if entry["name"] == "foreign":
                entry["x_entry"] = did["index"]
        time.sleep(rng.random() * 0.005)  # what others write meanwhile is lost
        index.write_text(json.dumps(registry, indent=2))


def append_event():
    did["events"] += 1
    line = {"event": "worktree.keep", "ts": time.time(), "task": {}, "worktree": {"name": "foreign", "n": did["events"]}}
    with events.open("a", encoding="utf-8") as f:
        f.write(json.dumps(line) + "\n")


while not select.select([sys.stdin], [], [], rng.random() * 0.01)[0]:
    rng.choice([touch_task, touch_index, append_event])()
print(json.dumps(did))
