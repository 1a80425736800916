"""ConCISE: reasoning without anxious re-checking, in the manner of arXiv 2505.04881 (confidence-guided compression).

    chain --steps--> reflection without an answer yet: inject confidence, let the model go on from there
                     answer stated: ask how sure the model is, and end once it is sure enough
          --service--> kept where the verifier still accepts the answer and the chain became shorter

The paper's own prompts and threshold are not public: all of them are settings here.
"""
