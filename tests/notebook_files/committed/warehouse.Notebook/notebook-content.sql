-- Fabric notebook source

-- METADATA ********************

-- META {
-- META   "kernel_info": {
-- META     "name": "sqldatawarehouse"
-- META   },
-- META   "dependencies": {
-- META     "warehouse": {
-- META       "default_warehouse": "44444444-0000-4000-8000-000000000001",
-- META       "known_warehouses": [
-- META         {
-- META           "id": "44444444-0000-4000-8000-000000000001",
-- META           "type": "Datawarehouse"
-- META         }
-- META       ]
-- META     }
-- META   }
-- META }

-- MARKDOWN ********************

-- T-SQL

-- CELL ********************

SELECT TOP 3 * FROM dbo.orders;

-- METADATA ********************

-- META {
-- META   "language": "sql",
-- META   "language_group": "sqldatawarehouse"
-- META }
