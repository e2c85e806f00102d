"""The SDK and the agent that act on a managed PC: standard library only, Python 3.7 or later.

Kept empty of imports: the payload on the PC pays for every module that is loaded there.
"""
