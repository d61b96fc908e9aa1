"""The process of the local model: llama.cpp's server and nothing else.

    python -m podium.providers.local.child

Its standard input first says, as a line of JSON, what to run; the input's end, also by the death of who started this
process, ends it. Its standard output says one line of JSON: the URL, once the model answers. Standard error is
llama.cpp's log.
"""

import json
import os
import sys

import xllamacpp

_HTTP_THREADS = 64  # each call, also one that waits for a slot, keeps one busy
_QUIET = 1  # llama.cpp's verbosity: 0 is output, 1 errors, 2 warnings, 3 everything that it does


def main() -> None:
    """Serve until standard input ends."""
    order = json.loads(sys.stdin.readline())
    params = xllamacpp.CommonParams()
    params.model.path = order["path"]
    params.model_alias = {order["name"]}
    params.api_keys = [order["api_key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = order["slots"]
    params.n_ctx = order["slots"] * order["context_window"]  # shared out among the slots evenly
    # Half the memory of the default for every token that is kept in mind, at no loss that this model would show.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    params.n_predict = order["output_limit"]
    params.n_threads_http = _HTTP_THREADS
    params.cpuparams.n_threads = order["threads"]
    params.cache_ram_mib = 0  # the default keeps up to 8 GB of past prompts
    params.endpoint_slots = True
    params.ui = False
    params.warmup = False
    params.verbosity = _QUIET
    server = xllamacpp.Server(params)
    sys.stdout.write(json.dumps({"url": f"{server.listening_address}/v1"}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # at once: the server's own end waits for every answer that is under way


if __name__ == "__main__":
    main()
