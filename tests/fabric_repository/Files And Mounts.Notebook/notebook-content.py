# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

fs = mssparkutils.fs
if fs.exists('Files/series'):
    fs.rm('Files/series', True)
assert fs.mkdirs('Files/series/in')
fs.put('Files/series/in/a.csv', 'name,sold\nrye,7\n', True)
fs.append('Files/series/in/a.csv', 'spelt,5\n')
assert fs.head('Files/series/in/a.csv', 9) == 'name,sold'
assert fs.exists('Files/series/in/a.csv') and not fs.exists('Files/series/none')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

fs.cp('Files/series/in', 'Files/series/copy', True)
fs.mv('Files/series/copy/a.csv', 'Files/series/moved/b.csv', True)
fs.fastcp('Files/series/moved', 'Files/series/fast')
found = fs.ls('Files/series')
assert sorted(one.name for one in found) == ['copy', 'fast', 'in', 'moved'], found
assert all(one.isDir and not one.isFile for one in found)
(file,) = fs.ls('Files/series/moved')
assert file.isFile and file.size == 24 and file.path.endswith('/Files/series/moved/b.csv') and file.modifyTime

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

home = notebookutils.lakehouse.get().properties['abfsPath']
notebookutils.fs.mount(home + '/Files/series', '/series', {'fileCacheTimeout': 120})
local = notebookutils.fs.getMountPath('/series')
with open(f'{local}/in/a.csv', encoding='utf-8') as opened:
    assert opened.read().count('\n') == 3
assert [one.mountPoint for one in notebookutils.fs.mounts() if one.mountPoint == '/series']

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import pandas as pd

assert pd.read_csv(f'{local}/in/a.csv').sold.sum() == 12
notebookutils.fs.unmount('/series')
fs.help()
len(fs.ls(home + '/Files/series'))

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
