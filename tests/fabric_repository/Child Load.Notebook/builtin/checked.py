assert __file__.endswith("/Child Load.Notebook/builtin/checked.py")
checked = day
