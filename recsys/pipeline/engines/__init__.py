"""Ways to do blocks of work side by side.

engine        what every engine promises
processes     processes of one machine
threads       threads of this process, which do the work where no engine is given
ray_cluster   processes of a Ray cluster
ray_training  these as a team that trains together
"""
