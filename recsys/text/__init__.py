"""What items say: a history-aware interest model over a fine-tuned encoder.

Serving
    interest                    the model
    scoring, attention          its logits in numpy, and which past events they look at; compiled holds the loops
    nearest, neighbour_lists    the items that each text asks for most, for a large catalogue
    float16_vectors             vectors of texts at half the size, likewise
    query_vectors               vectors of free texts
    attribution                 which past events made a score
    settings                    which encoder, and what logits mean as probabilities
Reading
    reader, encoder             texts to vectors; weights says where an encoder's files are
    lexicon                     words beside meaning
    cache                       vectors on disk
Training
    fitting                     the whole: encode, split by time, train, calibrate
    examples, plan, team        what is learned from; for how long; several processes that train together
    network                     what learns
    logit_calibration           logits to probabilities
    curves                      what was measured on the way
Export
    export                      the encoder as ONNX
Its rooms
    training                    the stages of a training, batches and losses
    tuning                      LoRA and other ways to tune the encoder
    teaching                    a cross-encoder that reranks, and teaches the model
"""
