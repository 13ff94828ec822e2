"""What is done for every call, whatever it asks for.

protocol, direct                           limits of uvicorn, and a shortcut through FastAPI
middleware, paths                          limits and the line of the log; ids in paths
access, keys, rate_limiter, this_machine   who may call, and how often
"""
