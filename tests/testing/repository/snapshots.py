"""Run by an inner pytest as test_snapshots.py: see tests/testing/test_plugin.py."""

import pytest


@pytest.fixture(scope="session")
def lakehouse_snapshot(fabric):
    return fabric.snapshot(lambda session: session.run("spark.range(5).write.saveAsTable('seed')"))


@pytest.mark.parametrize("number", [1, 2])
def test_each_test_begins_with_the_snapshot(spark_session, number):
    spark_session.run("spark.range(1).write.mode('append').saveAsTable('seed')")
    assert spark_session.sql("SELECT count(*) AS c FROM seed").c[0] == 6
