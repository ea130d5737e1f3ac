"""A cluster is filled with devices."""

from bench.ledger.stage import Stage

_FILL = """
    INSERT INTO ledger.device (cluster, device, device_type, units, checked_out_at)
    SELECT $1, 'SEP' || lpad(to_hex(number), 12, '0'), 'cisco-7902', 1, now() FROM generate_series(1, $2::bigint) AS number
"""


async def filled(stage: Stage, cluster: str, devices: int) -> None:
    """With so many devices of one unit."""
    connection = await stage.postgres.connect()
    try:
        async with connection.transaction():
            await connection.execute(_FILL, cluster, devices)
            await connection.execute("UPDATE ledger.pool SET used = $2 WHERE cluster = $1 AND feature = 'PHONE_UNIT'", cluster, devices)
    finally:
        await connection.close()
    stage.tally.units[cluster] = devices
