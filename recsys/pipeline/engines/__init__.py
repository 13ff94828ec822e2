"""Where blocks of work are done side by side.

engine is what every engine promises; processes is the one of a single machine, ray_cluster that of a Ray cluster, where
ray_training joins processes into a team.
"""
