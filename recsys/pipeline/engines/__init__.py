"""Where blocks of work are done side by side.

engine        what every engine promises
processes     those of one machine
threads       threads of one process, where none is asked for
ray_cluster   a Ray cluster
ray_training  its processes as a team that trains together
"""
