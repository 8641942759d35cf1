# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {}
# META }

# CELL ********************

context = notebookutils.runtime.context
assert context['currentNotebookName'] == 'Platform', context
assert context.get('currentWorkspaceId') and context['currentWorkspaceName']
assert context['defaultLakehouseName'] and context.get('PipelineParentRunGuid') is None
assert context['activityId'] == mssparkutils.runtime.context['activityId']

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

here = notebookutils.lakehouse.get(context['defaultLakehouseName'])
assert here.id == context['defaultLakehouseId']
assert mssparkutils.lakehouse.get(name=context['defaultLakehouseName']).id == here.id
assert here.properties['abfsPath'].startswith('abfss://')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import notebookutils as imported
from notebookutils import mssparkutils as fs_alias, notebook as nb
from notebookutils.mssparkutils.credentials import getSecret

assert imported is notebookutils and nb is notebookutils.notebook
assert fs_alias.fs is not None

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

assert getSecret('vault', 'name') == 'hidden'
assert mssparkutils.credentials.getSecret(akvName='https://vault.vault.azure.net/', secret='name') == 'hidden'
assert notebookutils.credentials.getToken('storage') == 'a-token'

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

library = notebookutils.variableLibrary.getLibrary('Settings')
assert library.floor == 3
assert notebookutils.variableLibrary.get('$(/**/Settings/greeting)') == 'Grüße'

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import sempy.fabric as fabric

assert fabric.get_notebook_workspace_id() == context['currentWorkspaceId']
assert fabric.get_lakehouse_id() == here.id == fabric.resolve_item_id(here.displayName, 'Lakehouse')
assert fabric.resolve_workspace_name() == context['currentWorkspaceName']
listed = fabric.list_items('Notebook')
assert fabric.get_artifact_id() == listed.set_index('Display Name').loc['Platform', 'Id'] == context['currentNotebookId']
try:
    fabric.evaluate_dax('Sales', 'EVALUATE x')
except RuntimeError as problem:
    assert 'needs Fabric' in str(problem) and '\n' not in str(problem), problem
else:
    raise AssertionError('it needs the service')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }

# CELL ********************

import os

with open('./builtin/note.txt', 'w') as note:
    note.write('kept for the session')
with open(f'{notebookutils.nbResPath}/builtin/note.txt') as note:
    assert note.read() == 'kept for the session'
for address in (f'file://{notebookutils.nbResPath}', 'file:///synfs/nb_resource', 'file:/synfs/nb_resource', '/synfs/nb_resource'):
    assert spark.read.text(f'{address}/builtin/note.txt').first()[0] == 'kept for the session'
    assert notebookutils.fs.exists(f'{address}/builtin/note.txt')
spark.range(2).write.mode('overwrite').csv('file:///synfs/nb_resource/builtin/written')
assert os.path.isfile('builtin/written/_SUCCESS') and spark.read.csv('file:///synfs/nb_resource/builtin/written').count() == 2
with open('/synfs/nb_resource/builtin/note.txt') as note:
    assert note.read() == 'kept for the session'
assert os.path.isdir('env') and os.path.isdir('Files') and os.path.samefile('Tables', '/lakehouse/default/Tables')
assert mssparkutils.env.getWorkspaceName() == context['currentWorkspaceName'] and mssparkutils.env.getUserName()
notebookutils.help()
notebookutils.fs.help('cp')

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
