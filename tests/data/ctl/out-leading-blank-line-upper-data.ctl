
<DTSControl>
    <Version>1.0</Version>
    <AddressType>DTS</AddressType>
    <MessageType>DATA</MessageType>
    <From_DTS>{sender}</From_DTS>
    <To_DTS>{recipient}</To_DTS>
    <Subject>type=csv;sender=TryAgain</Subject>
    <LocalId>Trial02</LocalId>
    <DTSId>TRIAL_20260105101500</DTSId>
    <Compress>Y</Compress>
    <Encrypted>N</Encrypted>
    <WorkflowId>DEMO_DAILY_4</WorkflowId>
    <ProcessId></ProcessId>
    <DataChecksum></DataChecksum>
    <IsCompressed>Y</IsCompressed>
    <AllowChunking>Y</AllowChunking>
</DTSControl>
