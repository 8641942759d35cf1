"""The Fabric Livy kernel: cells of a Fabric notebook run as they are, beside this machine's Python.

`ipykernel_launcher` starts it: VS Code interrupts a kernel on Windows only if that module's name has `ipykernel` in it.

May import: errors, notebooks, livy, cells, sessions, completion, magics.
Used by others: `kernel_specs` and `install_kernels` (of `install`).
"""
