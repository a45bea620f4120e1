<DTSControl>
  <Version>1.0</Version>
  <AddressType>ALL</AddressType>
  <MessageType>Report</MessageType>
  <From_DTS></From_DTS>
  <To_DTS>X26ABC1</To_DTS>
  <From_ESMTP></From_ESMTP>
  <To_ESMTP>x26abc1@dts.nhs.uk</To_ESMTP>
  <Subject>NDR: Clinic letters</Subject>
  <LocalId>letters-0417</LocalId>
  <DTSId>@DTSID@</DTSId>
  <PartnerId>@PARTNERID@</PartnerId>
  <Compress>N</Compress>
  <Encrypted>N</Encrypted>
  <WorkflowId>DEMO_LETTERS</WorkflowId>
  <ProcessId></ProcessId>
  <DataChecksum></DataChecksum>
  <IsCompressed>N</IsCompressed>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>SEND</Event>
    <Status>ERROR</Status>
    <StatusCode>14</StatusCode>
    <Description>Message not collected by recipient after 5 days</Description>
  </StatusRecord>
</DTSControl>
