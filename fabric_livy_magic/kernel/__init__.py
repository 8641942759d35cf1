"""The Fabric Livy kernel: cells of a Fabric notebook run unchanged, `%%local` cells here.

`shell` runs cells, `kernel` replies to front ends, `install` finds and registers the kernel specs, `ipykernel_launcher` starts the
kernel, `waiting` and `forked_kernel` one that is started ahead.

May import: printable, errors, own_imports, forks, notebooks, livy, cells, sessions, completion, magics.
Used by others: `kernel_specs` and `install_kernels` (of `install`), `ENVIRONMENT_PIPE` (of `waiting`), `forked_kernel`.
"""
