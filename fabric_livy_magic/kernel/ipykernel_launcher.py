"""`python -m fabric_livy_magic.kernel.ipykernel_launcher`: starts the kernel.

VS Code can interrupt a kernel on Windows only where the module that starts it has `ipykernel` in its name.
"""

from fabric_livy_magic.kernel.kernel import launch

if __name__ == "__main__":
    launch()
