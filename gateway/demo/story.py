"""The story of the product, act by act, on whatever API it is given."""

from gateway.demo.changes import migrate, replace_the_first_node, show_reports
from gateway.demo.control_center import stop_and_start
from gateway.demo.proof import prove_the_order
from gateway.demo.purchase import install_files, make_clusters, split_an_order
from gateway.demo.stage import Stage
from gateway.demo.telling import Told, ask_to_be_told, was_told
from gateway.demo.usage import into_overdraft_and_out, third_party_phones, thirty_six_units


async def play(stage: Stage, told: Told | None = None) -> None:
    """Play it all. ``told``: a receiver that the product can reach, where there is one. Raises StoryBroken where anything differs."""
    headquarters, branch = await split_an_order(stage)
    await make_clusters(stage)
    await install_files(stage, headquarters, branch)
    await thirty_six_units(stage)
    await third_party_phones(stage)
    if told is not None:
        await ask_to_be_told(stage, told)
    await into_overdraft_and_out(stage)
    if told is not None:
        await was_told(stage, told)
    await stop_and_start(stage)
    await migrate(stage)
    await replace_the_first_node(stage, headquarters)
    await prove_the_order(stage, headquarters)
    await show_reports(stage)
