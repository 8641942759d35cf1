"""The Fabric Livy kernel: cells of a Fabric notebook run unchanged, `%%local` cells here.

`shell` runs cells, `kernel` replies to front ends, `install` finds and registers the kernel specs, `ipykernel_launcher` starts the
kernel.

May import: printable, errors, own_imports, notebooks, livy, cells, sessions, completion, magics.
Used by others: `kernel_specs` and `install_kernels` (of `install`).
"""
