"""Long measurements. Figures in docs/ come from these programs, unless they say otherwise.

Quality:    quality (every data set through the command line), parts (without each source), queries, replay (week by
            week), peers (other tools on the same requests), text (the text model alone)
Generated:  simulation, funnel, profiles and position_bias, where the truth is known; generated makes large catalogues
Speed:      features, batch, serving (with the endpoints of empty, and load.lua)
Promises:   fuzz, durability, restart and soak: what a server must hold under stress, on the small shop of shop
Shared:     arguments, processes, databases (real servers), dense_lists
"""
