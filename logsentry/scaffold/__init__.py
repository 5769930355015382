"""For authors of plugins: writes a new one that works (`writing.py`), and runs the contract on an installed one (`checking.py`).

The files of a new plugin are templates beside this module, in a folder for each kind; their names say where they go.
"""
