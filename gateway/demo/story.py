"""The story of the product, act by act, on whatever API it is given."""

from gateway.demo.changes import migrate, replace_the_first_node, show_reports
from gateway.demo.control_center import stop_and_start
from gateway.demo.purchase import install_files, make_clusters, split_an_order
from gateway.demo.stage import Stage
from gateway.demo.usage import into_overdraft_and_out, third_party_phones, thirty_six_units


async def play(stage: Stage) -> None:
    """Play it all. Raises StoryBroken at the first thing that differs."""
    headquarters, branch = await split_an_order(stage)
    await make_clusters(stage)
    await install_files(stage, headquarters, branch)
    await thirty_six_units(stage)
    await third_party_phones(stage)
    await into_overdraft_and_out(stage)
    await stop_and_start(stage)
    await migrate(stage)
    await replace_the_first_node(stage, headquarters)
    await show_reports(stage)
