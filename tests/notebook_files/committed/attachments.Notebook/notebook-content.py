# Fabric notebook source

# METADATA ********************

# META {
# META   "kernel_info": {
# META     "name": "synapse_pyspark"
# META   },
# META   "dependencies": {
# META     "lakehouse": null
# META   }
# META }

# MARKDOWN ********************

# ![dot.png](attachment:dot.png)


# ATTACHMENTS ********************

# ATTA {
# ATTA   "dot.png": {
# ATTA     "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# ATTA   }
# ATTA }

# MARKDOWN ********************


# CELL ********************

print(1)

# METADATA ********************

# META {
# META   "language": "python",
# META   "language_group": "synapse_pyspark"
# META }
