"""The proof: which factors an app keeps, from its code. Nothing of the codebase is ever run here.

Codebase -> facts -> rules -> Findings -> Verdicts -> report
"""
