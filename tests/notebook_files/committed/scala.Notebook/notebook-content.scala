// Fabric notebook source

// METADATA ********************

// META {
// META   "kernel_info": {
// META     "name": "synapse_pyspark"
// META   },
// META   "dependencies": {
// META     "lakehouse": {
// META       "default_lakehouse": "11111111-0000-4000-8000-000000000001",
// META       "default_lakehouse_name": "sales",
// META       "default_lakehouse_workspace_id": "22222222-0000-4000-8000-000000000002",
// META       "known_lakehouses": [
// META         {
// META           "id": "11111111-0000-4000-8000-000000000001"
// META         },
// META         {
// META           "id": "11111111-0000-4000-8000-000000000003"
// META         }
// META       ]
// META     }
// META   }
// META }

// MARKDOWN ********************

// # Scala first

// CELL ********************

val words = Seq("a", "b")
words.size // two

// METADATA ********************

// META {
// META   "language": "scala",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

// MAGIC %%sql
// MAGIC SELECT 1

// METADATA ********************

// META {
// META   "language": "sparksql",
// META   "language_group": "synapse_pyspark"
// META }

// CELL ********************

// MAGIC %%pyspark
// MAGIC print(1)

// METADATA ********************

// META {
// META   "language": "python",
// META   "language_group": "synapse_pyspark"
// META }
